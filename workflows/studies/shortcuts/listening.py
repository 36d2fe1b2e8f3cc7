"""Audio-only network, trained on a cell's labels and evaluated on the recordings of a held-out fold."""

import dataclasses

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from infra.seeding import generator
from models.frontends.waveform import mute_start
from models.listener import Heard, Listener
from workflows.learners.quick import shuffled_batches, train_quickly
from workflows.studies.shortcuts.cells import Cell
from workflows.studies.shortcuts.clips import Clips
from workflows.studies.shortcuts.recordings import NUM_FOLDS, SAMPLE_RATE

HEAD_SAMPLES = 10000
_BATCH = 64
_LEARNING_RATE = 3e-3
NUM_POINTS = 10


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Answers:
    """Which clips are answered right, (clips,); the same with the first 10,000 samples silenced; accuracy along training by fold."""

    right: np.ndarray
    right_without_head: np.ndarray
    curve: list[dict[str, float]]


def cross_fit(cell: Cell, clips: Clips, *, steps: int, seed: int) -> Answers:
    """Return answers about every clip, each by a network trained on the four folds that its recording is not in."""
    network = Listener(sample_rate=SAMPLE_RATE, mute_samples=cell.mute_samples)
    whole, without_head = _hear(network, clips), _hear(network, clips, silent_samples=HEAD_SAMPLES)
    right = np.zeros((2, len(clips.targets)), bool)
    curve = []
    for fold in range(NUM_FOLDS):
        test = np.flatnonzero(clips.folds == fold)
        network, points = _train(cell, clips, whole, steps=steps, fold=fold, seed=seed)
        right[0, test] = _right(network, whole, clips.targets, test)
        right[1, test] = _right(network, without_head, clips.targets, test)
        curve += points
    return Answers(right=right[0], right_without_head=right[1], curve=curve)


def _train(
    cell: Cell, clips: Clips, heard: Heard, *, steps: int, fold: int, seed: int
) -> tuple[Listener, list[dict[str, float]]]:
    train, test = np.flatnonzero(clips.folds != fold), np.flatnonzero(clips.folds == fold)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed * NUM_FOLDS + fold)
        network = Listener(sample_rate=SAMPLE_RATE, mute_samples=cell.mute_samples)
    batches = shuffled_batches(train, size=_BATCH, chance=generator("study", "order", seed, fold))
    points: list[dict[str, float]] = []
    right: list[np.ndarray] = []

    def next_loss() -> Tensor:
        batch = next(batches)
        logits = network(_of(heard, batch))
        targets = torch.from_numpy(clips.targets[batch])
        right.append(((logits > 0) == (targets == 1)).numpy())
        return functional.binary_cross_entropy_with_logits(logits, targets.float())

    def after_step(step: int) -> None:
        if step % (steps // NUM_POINTS) == 0:
            held_out = float(_right(network, heard, clips.targets, test).mean())
            points.append(
                {"fold": fold, "step": step, "train": float(np.concatenate(right).mean()), "held_out": held_out}
            )
            right.clear()

    train_quickly(network, next_loss, steps=steps, lr=_LEARNING_RATE, after_step=after_step)
    return network, points


def _right(network: Listener, heard: Heard, targets: np.ndarray, rows: np.ndarray) -> np.ndarray:
    network.eval()
    with torch.inference_mode():
        logits = torch.cat([network(_of(heard, part)) for part in _parts(rows)])
    network.train()
    return (logits.numpy() > 0) == (targets[rows] == 1)


def _hear(network: Listener, clips: Clips, *, silent_samples: int = 0) -> Heard:
    """Return what a network hears of all clips, in half precision."""
    parts = []
    with torch.inference_mode():
        for rows in _parts(np.arange(len(clips.targets))):
            waveform = torch.from_numpy(clips.waveforms[rows].astype(np.float32) / 32768)[:, None]
            part = network.hear(mute_start(waveform, num_samples=silent_samples))
            parts.append(Heard(*(values.half() for values in part)))
    return Heard(*(torch.cat(values) for values in zip(*parts, strict=True)))


def _of(heard: Heard, rows: np.ndarray) -> Heard:
    return Heard(*(values[torch.from_numpy(rows)].float() for values in heard))


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, -(-len(rows) // 256))
