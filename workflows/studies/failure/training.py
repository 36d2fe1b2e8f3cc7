"""Training of the whole network on a dataset's own labels, with visits at chosen steps."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from datasets.config import PreparationConfig
from datasets.reading.reader import decode_table, to_arrays
from infra.seeding import generator
from models.frontends.augmentation import augment
from models.losses.synchronization import synchronization_loss
from models.synchronization import Synchronization
from workflows.audit.checks.windows import pair_examples, partners, read_tables
from workflows.learners.quick import shuffled_batches, train_quickly

_EXAMPLES_A_STEP = 32
_LEARNING_RATE = 0.01
_GRADIENT_CLIP = 5.0
_COLUMNS = ("frames", "log_mel", "pair_id", "in_sync")


def train(
    module: Synchronization,
    dataset: str,
    preparation: PreparationConfig,
    *,
    visits: Sequence[int],
    visit: Callable[[int], None],
    seed: int,
) -> None:
    """Train on the examples of a dataset's training split: the four pairings of pairs, or windows with labels of their own.

    The clips are held in memory. Optimizer, schedule and gradient clip are those of the recipe's `demo()`.

    Args:
        module: network to train, in place.
        dataset: a prepared dataset.
        preparation: its configuration.
        visits: steps, of 32 examples, after which `visit` is called; the last is the end.
        visit: called with the step, the module in evaluation mode.
        seed: seed of order and augmentation.
    """
    frames, sounds, partner, in_sync = _read(dataset, preparation)
    examples = pair_examples(partner, in_sync)
    paired = bool((partner >= 0).any())
    units = np.flatnonzero(np.arange(len(partner)) < partner) if paired else np.arange(len(partner))
    size = _EXAMPLES_A_STEP // 4 if paired else _EXAMPLES_A_STEP
    batches = shuffled_batches(units, size=size, chance=generator("seeing", seed))

    def next_loss() -> Tensor:
        chosen = next(batches)
        rows = np.sort(np.concatenate([chosen, partner[chosen]])) if paired else np.sort(chosen)
        of = np.flatnonzero(np.isin(examples.picture, rows))
        heard, seen = (np.searchsorted(rows, side[of]) for side in (examples.sound, examples.picture))
        video = augment(torch.from_numpy(frames[rows]), size=module.crop_size, generator=module.generator, flip=True)
        sound = module.network.encode_audio(torch.from_numpy(sounds[rows]))
        logits = module.judge(sound[heard], module.network.encode_video(video)[seen])
        return synchronization_loss(logits, torch.from_numpy(examples.target[of]).float())

    def after_step(step: int) -> None:
        if step in visits:
            module.eval()
            with torch.inference_mode():
                visit(step)
            module.train()

    train_quickly(
        module, next_loss, steps=visits[-1], lr=_LEARNING_RATE, gradient_clip=_GRADIENT_CLIP, after_step=after_step
    )


def _read(dataset: str, preparation: PreparationConfig) -> tuple[np.ndarray, ...]:
    texts: dict[str, list] = {"pair_id": [], "in_sync": []}
    frames, sounds = [], []
    for table in read_tables(dataset, max_rows=2**31, columns=_COLUMNS, splits=("train",)):
        arrays = to_arrays(decode_table(table, config=preparation), config=preparation)
        frames.append(arrays["frames"])
        sounds.append(arrays["log_mel"])
        for name in texts:
            texts[name] += arrays[name]
    return (
        np.concatenate(frames),
        np.concatenate(sounds),
        partners(texts["pair_id"]),
        np.asarray(texts["in_sync"], bool),
    )
