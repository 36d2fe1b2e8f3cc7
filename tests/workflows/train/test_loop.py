"""The loop: an epoch that is stopped in its middle is finished as if it had not been, and decides nothing meanwhile."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from workflows.contract.registry import load_recipe, recipe_names
from workflows.train import loop
from workflows.train.fit import fit
from workflows.train.job import Scaling

pytestmark = pytest.mark.ray


@pytest.fixture(params=recipe_names())
def train(request, small_dataset, tracking, monkeypatch):
    """Trains a recipe; it can be stopped after any step."""
    monkeypatch.setattr(loop, "_STEPS_BETWEEN_CHECKS", 1)

    def run(name, *, resume=False, **cadence):
        recipe = load_recipe(request.param)
        config = dataclasses.replace(recipe.tiny(), cadence=dataclasses.replace(recipe.tiny().cadence, **cadence))
        data = dict.fromkeys(recipe.streams(config), small_dataset)
        return fit(request.param, config, data=data, run_name=name, scaling=Scaling(num_workers=0), resume=resume)

    return run


def history(result):
    return json.loads(Path(result.run_folder, "history.json").read_text())


def checkpoints(result):
    return sorted(path.name for path in Path(result.run_folder, "checkpoints").iterdir())


def test_an_epoch_stopped_in_its_middle_is_reported_as_a_whole(train):
    whole, stopped = train("whole"), train("halves", max_minutes=0.0)
    assert history(stopped)[-1]["stopped_at"] == 1
    resumed = train("halves", resume=True)
    assert len(history(resumed)) == len(history(whole)) == 2
    for before, after in zip(history(whole), history(resumed), strict=True):
        assert "stopped_at" not in after
        for name in (name for name in before if name.startswith(("train/", "validation/"))):
            assert after[name] == pytest.approx(before[name], abs=1e-4, nan_ok=True), name


def test_a_stopped_epoch_never_costs_the_best_checkpoint(train, monkeypatch):
    """It is judged in its middle, and judged anew when the run goes on: until then the best whole epoch stays."""
    first = train("best", epochs=3, max_minutes=0.0, keep_checkpoints=1)
    assert not first.finished
    scores = iter([0.9, 0.99])

    def judged(self, epoch, step, *, validate):
        metrics = {"epoch": epoch, loop.OBJECTIVE: next(scores), **({"stopped_at": float(step)} if step else {})}
        self.sums = {} if not step else self.sums
        self.history.append(metrics)
        return metrics

    monkeypatch.setattr(loop._Worker, "_epoch_metrics", judged)
    stops = iter([""] * 40)
    steps = {"left": None}

    def check(self):
        if steps["left"] is None:
            steps["left"] = self.steps_per_epoch + 1  # the rest of epoch 0, all of it, and one step of epoch 1
        steps["left"] -= 1
        return "stopped" if steps["left"] == 0 else next(stops, "")

    monkeypatch.setattr(loop._Worker, "_check", check)
    second = train("best", epochs=3, keep_checkpoints=1, resume=True)
    assert not second.finished
    assert checkpoints(second) == ["epoch-0000", "epoch-0001"]
    assert history(second)[-1][loop.OBJECTIVE] == 0.99


def test_random_numbers_of_all_kinds_are_saved(train):
    result = train("saved", epochs=1)
    state = torch.load(
        Path(result.run_folder, "checkpoints", "epoch-0000", "state.pt"), weights_only=True, map_location="cpu"
    )
    assert set(state["ranks"][0]) == {"rng", "cuda_rng", "generators", "sums"}
    assert state["ranks"][0]["generators"]
