"""Whether H.264 storage costs accuracy: the demo trained and tested on the same clips, stored raw and as H.264.

python -m tests.benchmarks.accuracy_by_storage [--num-videos 800] [--epochs 9] [--seeds 0 1]
"""

import dataclasses
import shutil

import numpy as np

from datasets.preparation.preparation import Preparation
from datasets.presets import PRESETS
from datasets.sources.listing import render_scenes
from infra import cluster, storage
from models.metrics.binary import bootstrap_interval
from workflows.cli import command
from workflows.contract.registry import load_recipe
from workflows.evaluate.report import collect_rows, held_out
from workflows.evaluators.synchronization import TARGETS
from workflows.train.fit import fit
from workflows.train.job import Scaling
from workflows.trained.model import loaded

_RECIPE = "multisensory"
_STORAGES = ("raw", "h264")


def measure(num_videos: int = 800, epochs: int = 9, seeds: tuple[int, ...] = (0, 1)) -> None:
    """Prepare the demo's scenes both ways, train on each with every seed, and say how the accuracies differ.

    Args:
        num_videos: Number of scenes.
        epochs: Passes over the training clips.
        seeds: Seeds of training.
    """
    folder = storage.resolve("runs/accuracy-by-storage", field="folder")
    shutil.rmtree(folder, ignore_errors=True)
    with cluster.running():
        datasets = _prepare(folder, num_videos)
        models = {
            (seed, kind): _train(datasets[kind], f"accuracy-by-storage/{kind}-{seed}", epochs, seed)
            for seed in seeds
            for kind in _STORAGES
        }
    print(f"{'seed':<6}{'raw':<24}{'h264':<24}h264 - raw, of the same pairs")
    for seed in seeds:
        right = {kind: _right(models[seed, kind], datasets[kind]) for kind in _STORAGES}
        pairs = sorted(right["raw"])
        assert pairs == sorted(right["h264"])
        raw, h264 = (np.array([right[kind][pair] for pair in pairs]) for kind in _STORAGES)
        found = [_words(values, pairs) for values in (raw, h264, h264 - raw)]
        print(f"{seed:<6}{found[0]:<24}{found[1]:<24}{found[2]}", flush=True)


def _prepare(folder: str, num_videos: int) -> dict[str, str]:
    """Return the datasets of the same clips by their storage."""
    sources = render_scenes(folder, num_videos=num_videos, level="medium", config=PRESETS["demo"])
    datasets = {}
    for kind in _STORAGES:
        datasets[kind] = storage.join(folder, f"clips-{kind}")
        preparation = Preparation(datasets[kind], dataclasses.replace(PRESETS["demo"], storage=kind))
        preparation.plan(sources)
        preparation.run()
    return datasets


def _train(dataset: str, name: str, epochs: int, seed: int) -> str:
    """Return the folder of a trained model."""
    config = load_recipe(_RECIPE).demo()
    config = dataclasses.replace(config, seed=seed, cadence=dataclasses.replace(config.cadence, epochs=epochs))
    return fit(_RECIPE, config, data=dataset, run_name=name, scaling=Scaling(num_workers=2)).model_folder


def _right(model_folder: str, dataset: str) -> dict[tuple[str, float], float]:
    """Return the share of right answers by pair: its recording, and where it begins."""
    with loaded(model_folder, recipe=_RECIPE) as model:
        rows = collect_rows(model, "synchronization", held_out(model, dataset=dataset, split="test"))
    pairs = zip(rows["recording_id"].tolist(), rows["start_seconds"].tolist(), strict=True)
    return dict(zip(pairs, ((rows["pairings"] > 0) == TARGETS).mean(axis=1).tolist(), strict=True))


def _words(values: np.ndarray, pairs: list[tuple[str, float]]) -> str:
    low, high = bootstrap_interval(values, clusters=[recording for recording, _ in pairs], seed=0)
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    command.run(lambda: command.parse(measure))
