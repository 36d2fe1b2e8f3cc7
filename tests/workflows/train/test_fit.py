import dataclasses
import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from infra.errors import InputError
from infra.tracking import Run, start_run
from workflows.recipes import multisensory
from workflows.train.fit import Trial, fit
from workflows.train.job import Scaling
from workflows.train.loop import best_epoch
from workflows.trained.checkpoint import read_description, read_weights
from workflows.trained.model import loaded

pytestmark = pytest.mark.ray


def test_a_run_that_stopped_between_epochs_goes_on_only_with_the_clips_it_began_with(small_dataset, tracking, tmp_path):
    config = multisensory.tiny()
    steady = dataclasses.replace(config.schedule, kind="constant")
    one, two = (
        dataclasses.replace(config, schedule=steady, cadence=dataclasses.replace(config.cadence, epochs=epochs))
        for epochs in (1, 2)
    )
    dataset = Path(shutil.copytree(small_dataset, tmp_path / "dataset"))
    options = {"data": str(dataset), "run_name": "goes-on", "scaling": Scaling(num_workers=0)}
    fit("multisensory", one, **options)
    card = (dataset / "dataset.json").read_text()
    (dataset / "dataset.json").write_text(card.replace('"fingerprint": "', '"fingerprint": "f'))
    with pytest.raises(InputError, match=r"--data: 'goes-on' began on other clips \(fingerprint .*give the same"):
        fit("multisensory", two, resume=True, **options)
    (dataset / "dataset.json").write_text(card)
    resumed = fit("multisensory", two, resume=True, **options)
    history = json.loads(Path(resumed.run_folder, "history.json").read_text())
    assert [entry["epoch"] for entry in history] == [0, 1]


def test_of_its_checkpoints_a_run_keeps_the_best_and_the_latest(small_dataset, tracking):
    config = multisensory.tiny()
    cadence = dataclasses.replace(config.cadence, epochs=4, validate_every=1, keep_checkpoints=1)
    result = fit(
        "multisensory",
        dataclasses.replace(config, cadence=cadence),
        data=small_dataset,
        run_name="keeps-two",
        scaling=Scaling(num_workers=0),
    )
    best = best_epoch(json.loads(Path(result.run_folder, "history.json").read_text()))
    kept = sorted(path.name for path in Path(result.run_folder, "checkpoints").iterdir())
    assert kept == sorted({f"epoch-{epoch:04d}" for epoch in (best, 3)})


def test_training_goes_on_while_another_program_holds_the_tracking(small_dataset, tracking):
    other = sqlite3.connect(tracking.removeprefix("sqlite:///"), isolation_level=None, timeout=30)
    reported = []

    def report(metrics):
        reported.append(metrics["epoch"])
        if metrics["epoch"] == 0:
            other.execute("BEGIN EXCLUSIVE")
        if metrics["epoch"] == 2:
            other.execute("COMMIT")

    config = multisensory.tiny()
    result = fit(
        "multisensory",
        dataclasses.replace(config, cadence=dataclasses.replace(config.cadence, epochs=3)),
        data=small_dataset,
        run_name="held",
        scaling=Scaling(num_workers=0),
        trial=Trial(parent_run=start_run("multisensory", name="sweep").run_id, report=report),
    )
    assert reported == [0, 1, 2]
    steps = [step for step, _ in Run(result.run_id).curve("loss/train")]
    assert steps == [steps[0], 2 * steps[0], 3 * steps[0]]
    assert Run(result.run_id).curve("epoch") == [(step, number + 1) for number, step in enumerate(steps)]
    assert [step for step, _ in Run(result.run_id).curve("objective/validation")] == steps
    assert Run(result.run_id).has_artifact("plots/learning_curve.png")


def test_a_run_starts_from_the_weights_of_a_model(small_dataset, tracking):
    config = multisensory.tiny()
    still = dataclasses.replace(config.optim, lr=1e-30, weight_decay=0.0)
    cadence = dataclasses.replace(config.cadence, epochs=1)
    options = {"data": small_dataset, "scaling": Scaling(num_workers=0)}
    first = fit("multisensory", config, run_name="first", **options)
    config = dataclasses.replace(config, optim=still, cadence=cadence, seed=7)
    second = fit("multisensory", config, run_name="second", start=first.model_folder, **options)
    before, after = (read_weights(result.model_folder) for result in (first, second))
    learned = [name for name in before if name.endswith("weight")]
    assert learned
    assert all(np.allclose(before[name], after[name]) for name in learned)


def test_a_run_starts_from_no_model_of_another_kind(small_dataset, tracking, tmp_path):
    config = multisensory.tiny()
    options = {"data": small_dataset, "scaling": Scaling(num_workers=0)}
    first = fit("multisensory", config, run_name="first", **options)
    wider = dataclasses.replace(config, network="aligned" if config.network == "compact" else "compact")
    with pytest.raises(InputError, match="holds the weights of another network"):
        fit("multisensory", wider, run_name="wider", start=first.model_folder, **options)
    description = Path(shutil.copytree(first.model_folder, tmp_path / "other"), "config.json")
    description.write_text(description.read_text().replace('"multisensory"', '"audio_tagging"'))
    with pytest.raises(InputError, match=r"^--from: .* is of the recipe audio_tagging, not multisensory; give one of"):
        fit("multisensory", config, run_name="other", start=str(description.parent), **options)


def test_the_kept_epoch_is_calibrated_on_the_validation_split(small_dataset, tracking, monkeypatch):
    monkeypatch.setattr("workflows.contract.calibration.FEWEST_RECORDINGS", 2)
    options = {"data": small_dataset, "scaling": Scaling(num_workers=0)}
    result = fit("multisensory", multisensory.tiny(), run_name="calibrated", **options)
    kept = read_description(result.model_folder)["calibration"]
    assert (kept["dataset"], kept["split"], kept["note"]) == (small_dataset, "validation", "")
    assert kept["scale"] > 0
    with loaded(result.model_folder) as model:
        assert tuple(model.module.calibration) == (kept["scale"], kept["offset"])
    card = Path(result.model_folder, "card.md").read_text()
    assert f"Probabilities: scale {kept['scale']:.3f}" in card
    report = Run(result.run_id).read_dict("evaluation/validation/report.json")
    assert report["figures"]["loss"]["uncalibrated"] == pytest.approx(result.metrics["validation/loss"], abs=1e-3)
    assert "calibrated on clips of this split" in report["caution"]
    again = fit("multisensory", multisensory.tiny(), run_name="again", start=result.model_folder, **options)
    assert again.metrics["train/loss"] < 2


def test_too_few_recordings_leave_a_model_uncalibrated(trained):
    kept = read_description(trained.model_folder)["calibration"]
    assert (kept["scale"], kept["offset"]) == (1.0, 0.0)
    assert "recordings are fewer than 10" in kept["note"]
    assert "not calibrated: " in Path(trained.model_folder, "card.md").read_text()


def test_a_model_from_before_calibration_loads(trained, tmp_path):
    description = Path(shutil.copytree(trained.model_folder, tmp_path / "old"), "config.json")
    values = json.loads(description.read_text())
    del values["calibration"]
    description.write_text(json.dumps(values))
    with loaded(str(description.parent)) as model:
        assert tuple(model.module.calibration) == (1.0, 0.0)
