"""Null data: synthetic scenes with unrelated sound, prepared as the dataset was. A network that learns from them has found an artifact."""

import tempfile

import numpy as np
import torch

from datasets.config import PreparationConfig
from datasets.preparation.preparation import Preparation
from datasets.sources.listing import render_scenes
from infra import cluster
from infra.seeding import generator
from models import multisensory
from models.losses.synchronization import synchronization_loss
from workflows.audit.checks.check import Check, accuracy_check
from workflows.audit.checks.probe import split_folds
from workflows.audit.checks.windows import Examples, Windows, make_examples, read_pictures, read_windows
from workflows.learners.quick import shuffled_batches, train_quickly

_SIDE = 32
_NUM_FOLDS = 2
_EPOCHS = 12
_BATCH_RECORDINGS = 8
_LEARNING_RATE = 0.01
_GRADIENT_CLIP = 5.0


def check_null_data(config: PreparationConfig, *, num_scenes: int) -> Check:
    """Return the check that a network given both modalities learns nothing from null data.

    Scenes are rendered, encoded, decoded, cut and labeled as the dataset's configuration says. Any accuracy above chance comes from that path.
    """
    with tempfile.TemporaryDirectory() as folder, cluster.running():
        preparation = Preparation(folder, config)
        preparation.plan(render_scenes(folder, num_videos=num_scenes, level="medium", config=config, null=True))
        preparation.run()
        windows = read_windows(folder, config, max_rows=4 * num_scenes)
        pictures = read_pictures(folder, config, side=_SIDE, max_rows=4 * num_scenes)
    examples = make_examples(windows)
    right = answer_both(windows, pictures, examples, seed=config.seed)
    majority = max(examples.target.mean(), 1 - examples.target.mean())
    return accuracy_check(
        "null data",
        right,
        windows.recordings[examples.picture],
        chance=float(majority),
        detail="sound and picture of unrelated scenes through the same path, cross-fitted network of both",
    )


def answer_both(windows: Windows, pictures: np.ndarray, examples: Examples, *, seed: int) -> np.ndarray:
    """Return which examples a network of sound and picture gets right that was trained on the other recordings."""
    folds = split_folds(windows.recordings, _NUM_FOLDS, seed)
    right = np.zeros(len(examples.target), bool)
    for fold in range(_NUM_FOLDS):
        network = _fit(windows, pictures, examples, folds != fold, seed * _NUM_FOLDS + fold)
        mine = np.flatnonzero(folds[examples.picture] == fold)
        for part in np.array_split(mine, -(-len(mine) // 64)):
            with torch.inference_mode():
                logits = network(
                    torch.from_numpy(windows.log_mel[examples.sound[part]]),
                    torch.from_numpy(pictures[examples.picture[part]]),
                )
            right[part] = (logits.numpy() > 0) == (examples.target[part] == 1)
    return right


def _fit(
    windows: Windows, pictures: np.ndarray, examples: Examples, mine: np.ndarray, seed: int
) -> multisensory.Multisensory:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = multisensory.compact(
            num_bins=windows.log_mel.shape[1], video_size=(pictures.shape[2], _SIDE, _SIDE), shrink=1
        )
    recordings = np.unique(windows.recordings[mine])
    batches = shuffled_batches(recordings, size=_BATCH_RECORDINGS, chance=generator(seed, "null data"))

    def next_loss() -> torch.Tensor:
        rows = np.flatnonzero(np.isin(windows.recordings, next(batches)))
        of = np.flatnonzero(np.isin(examples.picture, rows))
        heard, seen = (np.searchsorted(rows, side[of]) for side in (examples.sound, examples.picture))
        sound = network.encode_audio(torch.from_numpy(windows.log_mel[rows]))
        picture = network.encode_video(torch.from_numpy(pictures[rows]))
        logits = network.logits(network.fuse(sound[heard], picture[seen]))
        return synchronization_loss(logits, torch.from_numpy(examples.target[of]).float())

    steps = max(1, len(recordings) // _BATCH_RECORDINGS) * _EPOCHS
    train_quickly(network, next_loss, steps=steps, lr=_LEARNING_RATE, gradient_clip=_GRADIENT_CLIP)
    return network
