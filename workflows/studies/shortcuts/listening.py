"""A network that hears only, trained on a cell's labels and asked about recordings of the fold it has not heard."""

import dataclasses

import numpy as np
import torch
from torch.nn import functional

from infra.seeding import generator
from models.frontends.waveform import mute_start
from models.listener import Heard, Listener
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
    chance = generator("study", "order", seed, fold)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=steps)
    order = np.zeros(0, np.int64)
    points, answered, correct = [], 0, 0
    for step in range(1, steps + 1):
        if len(order) < _BATCH:
            order = chance.permutation(train)
        batch, order = order[:_BATCH], order[_BATCH:]
        logits = network(_of(heard, batch))
        targets = torch.from_numpy(clips.targets[batch])
        loss = functional.binary_cross_entropy_with_logits(logits, targets.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        answered, correct = answered + len(batch), correct + int(((logits > 0) == (targets == 1)).sum())
        if step % (steps // NUM_POINTS) == 0:
            held_out = float(_right(network, heard, clips.targets, test).mean())
            points.append({"fold": fold, "step": step, "train": correct / answered, "held_out": held_out})
            answered = correct = 0
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
