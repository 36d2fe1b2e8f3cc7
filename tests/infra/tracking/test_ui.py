from infra.tracking import describe_page, start_run, ui_page


def test_address_of_a_run_is_its_own_page_among_trained_models(tracking):
    run = start_run("train", name="mine")
    said = describe_page(run)
    assert f"/runs/{run.run_id}?workflowType=machine_learning" in said
    assert said.startswith("open     http://127.0.0.1:5000/#/experiments/")
    assert said.endswith("(after: python -m workflows.ui)")


def test_where_a_server_keeps_the_runs_its_own_page_is_named(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000/")
    assert ui_page() == "http://mlflow:5000/#/experiments?workflowType=machine_learning"
