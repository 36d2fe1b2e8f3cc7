"""The whole network trained on whatever labels a dataset carries, for as long as wanted, and looked at along the way."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from datasets.config import PreparationConfig
from datasets.reading.reader import decode_table, to_arrays
from infra.seeding import generator
from models.augmentation import augment
from models.losses.synchronization import synchronization_loss
from models.synchronization import Synchronization
from workflows.audit.checks.windows import pair_examples, partners, read_tables

_EXAMPLES_A_STEP = 32
_LEARNING_RATE = 0.01
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
    chance = generator("seeing", seed)
    optimizer = torch.optim.AdamW(module.parameters(), lr=_LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=visits[-1])
    order = np.zeros(0, np.int64)
    module.train()
    for step in range(1, visits[-1] + 1):
        wanted = _EXAMPLES_A_STEP // 4 if paired else _EXAMPLES_A_STEP
        if len(order) < wanted:
            order = chance.permutation(units)
        chosen, order = order[:wanted], order[wanted:]
        rows = np.sort(np.concatenate([chosen, partner[chosen]])) if paired else np.sort(chosen)
        of = np.flatnonzero(np.isin(examples.picture, rows))
        heard, seen = (np.searchsorted(rows, side[of]) for side in (examples.sound, examples.picture))
        video = augment(torch.from_numpy(frames[rows]), size=module.crop_size, generator=module.generator, flip=True)
        sound = module.network.encode_audio(torch.from_numpy(sounds[rows]))
        logits = module.judge(sound[heard], module.network.encode_video(video)[seen])
        loss = synchronization_loss(logits, torch.from_numpy(examples.target[of]).float())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        if step in visits:
            module.eval()
            with torch.inference_mode():
                visit(step)
            module.train()
    module.eval()


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
