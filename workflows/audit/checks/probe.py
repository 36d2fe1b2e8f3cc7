"""Cross-fitted probe: a small network that predicts classes from one modality, for recordings that it was not trained on."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from infra.seeding import generator
from models.encoders.log_mel import compact_log_mel_encoder
from workflows.learners.quick import shuffled_batches, train_quickly

_WIDTH = 32
_BATCH = 64
_EPOCHS = 10
_LEARNING_RATE = 3e-3
_NUM_FOLDS = 5


class _SequenceProbe(nn.Module):
    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.encoder = compact_log_mel_encoder(num_bins=channels, channels=_WIDTH)
        self.head = nn.Linear(2 * _WIDTH, num_classes)

    def forward(self, sequences: Tensor) -> Tensor:
        features = self.encoder(sequences)
        return self.head(torch.cat([features.mean(dim=2), features.amax(dim=2)], dim=1))


def cross_fit(
    sequences: np.ndarray, targets: np.ndarray, recordings: np.ndarray, *, num_classes: int, seed: int
) -> np.ndarray:
    """Return log-probabilities (examples, classes), each from a network trained on the other recordings.

    Args:
        sequences: what the probe sees, float32 (examples, channels, length).
        targets: classes from 0, (examples,).
        recordings: the recording of every example; none is both trained on and asked.
        num_classes: number of classes.
        seed: seed of folds, weights and order.
    """
    folds = split_folds(recordings, _NUM_FOLDS, seed)
    answers = np.full((len(targets), num_classes), -np.log(num_classes), np.float32)
    for fold in range(_NUM_FOLDS):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if len(train) >= _BATCH and len(test):
            answers[test] = _fit(sequences, targets, train, test, num_classes, seed * _NUM_FOLDS + fold)
    return answers


def split_folds(recordings: np.ndarray, num_folds: int, seed: int) -> np.ndarray:
    """Return the fold of every example; a recording is in one."""
    names, index = np.unique(recordings, return_inverse=True)
    order = generator(seed, "folds").permutation(len(names))
    return (order % num_folds)[index]


def _fit(
    sequences: np.ndarray, targets: np.ndarray, train: np.ndarray, test: np.ndarray, num_classes: int, seed: int
) -> np.ndarray:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        probe = _SequenceProbe(sequences.shape[1], num_classes)
    batches = shuffled_batches(train, size=_BATCH, chance=generator(seed, "batches"))

    def next_loss() -> Tensor:
        batch = next(batches)
        return functional.cross_entropy(
            probe(torch.from_numpy(sequences[batch])), torch.from_numpy(targets[batch].astype(np.int64))
        )

    train_quickly(probe, next_loss, steps=len(train) // _BATCH * _EPOCHS, lr=_LEARNING_RATE)
    with torch.inference_mode():
        parts = [probe(torch.from_numpy(sequences[part])) for part in np.array_split(test, -(-len(test) // 256))]
        return functional.log_softmax(torch.cat(parts), dim=1).numpy()
