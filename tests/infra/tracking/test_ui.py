import shlex

from infra.tracking import tracking_uri, ui_command, ui_page


def test_the_command_of_the_ui_can_be_copied_whole(monkeypatch):
    monkeypatch.setenv("SENSORIUM_HOME", "/with a space")
    assert shlex.split(ui_command())[-2:] == ["--backend-store-uri", tracking_uri()]


def test_where_a_server_keeps_the_runs_its_own_page_is_named(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000/")
    assert ui_page().startswith("http://mlflow:5000/#/experiments")
