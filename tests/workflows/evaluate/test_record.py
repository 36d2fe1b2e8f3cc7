"""What an evaluation leaves behind: a run and a folder of its own, and what training recorded as it was."""

import json
import shutil
from pathlib import Path

import mlflow
import pytest

from infra.tracking import Run, read_model_text
from workflows.evaluate.__main__ import evaluate

pytestmark = pytest.mark.ray


def test_evaluations_never_overwrite_what_was_there(trained, tracking, small_dataset, tmp_path):
    other = str(shutil.copytree(small_dataset, tmp_path / "other"))
    client = mlflow.MlflowClient(tracking)
    before = client.get_run(trained.run_id).data.metrics
    folder = Path(trained.run_folder)
    earlier = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for data in (small_dataset, other, small_dataset):
        evaluate("models:/multisensory/1", data)
    name = Path(small_dataset).name
    made = folder / "evaluations"
    assert {path.name for path in made.iterdir()} == {f"{name}-test", f"{name}-test-2", "other-test"}
    assert {path: path.read_bytes() for path in earlier} == earlier
    assert client.get_run(trained.run_id).data.metrics == before
    card = read_model_text(Run(trained.run_id), "card.md")
    report = json.loads((made / "other-test" / "report.json").read_text())
    for dataset in (name, "other"):
        assert card.count(f"recordings of the test split of `{dataset}` ({report['date']}):") == 1


def test_evaluation_run_names_its_dataset_and_the_run_that_trained(trained, tracking, small_dataset, capsys):
    evaluate("models:/multisensory/1", small_dataset, split="validation")
    run_id = capsys.readouterr().out.split("/runs/")[-1].partition("?")[0]
    run = mlflow.MlflowClient(tracking).get_run(run_id)
    assert run.data.tags["mlflow.parentRunId"] == trained.run_id
    assert f"/runs/{trained.run_id}" in run.data.tags["mlflow.note.content"]
    assert f"/runs/{run_id}" in Run(trained.run_id).tag("mlflow.note.content")
    (given,) = run.inputs.dataset_inputs
    assert given.dataset.name == f"{Path(small_dataset).name}/validation"
    assert [tag.value for tag in given.tags] == ["evaluation"]
    card = json.loads(Path(small_dataset, "dataset.json").read_text())
    assert json.loads(given.dataset.profile)["num_rows"] == card["splits"]["validation"]["rows"]
    assert "validation/sync_accuracy" in run.data.metrics
    assert not [name for name in run.data.metrics if "floor" in name]
    table = Run(run_id).read_dict("figures.json")
    assert "floor" in table["columns"]
