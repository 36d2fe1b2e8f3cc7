"""Retrieval across modalities: how often a picture finds its caption or its sound among all, and the other ways round, beside chance."""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from models.metrics.retrieval import chance_of_rank, chance_of_recall, retrieval_ranks
from workflows.contract.figure import Figure, Findings, Rows, mean_figure
from workflows.contract.held_out import HeldOut

NEEDS = ("embeds", "embed", "embed_captions", "reads")
MOST_CAPTIONS = 5
"""Captions of a row that are asked about."""
_RECALLS = (1, 5, 10)
_MODALITY = {"image": "image", "frames": "picture", "log_mel": "sound", "waveform": "sound"}


class _Direction(NamedTuple):
    """Queries of one modality and items of another, each with the row that it is of."""

    name: str
    title: str
    queries: np.ndarray
    query_owners: np.ndarray
    items: np.ndarray
    item_owners: np.ndarray

    def ranks(self) -> np.ndarray:
        return retrieval_ranks(self.queries, self.items, query_owners=self.query_owners, item_owners=self.item_owners)


def collect(module: Any, data: HeldOut) -> Rows:
    """Return the embeddings of this rank's rows: of every modality that the rows hold (rows, number of it, dim), nan where there is none."""
    stored = data.preparation.modalities
    held = [name for name in module.embeds if name == "text" or _MODALITY[module.reads(name)] in stored]
    columns = (*dict.fromkeys(module.reads(name) for name in held), "recording_id")
    rows: dict[str, list[Any]] = {name: [] for name in ("unit", "recording_id", *held)}
    for units, batch in data.read(columns):
        rows["unit"] += units.tolist()
        rows["recording_id"] += batch["recording_id"]
        for name in held:
            found = _captions(module, batch) if name == "text" else module.embed(name, batch)[:, None].cpu().numpy()
            rows[name].append(found)
    return {
        "unit": np.asarray(rows["unit"], float),
        "recording_id": np.asarray(rows["recording_id"], str),
        **{name: np.concatenate(rows[name]) for name in held},
    }


def measure(rows: Rows) -> dict[str, float]:
    """Return the mean over directions of recall at 1, 5 and 10, and of the rank."""
    ranks = [direction.ranks() for direction in _directions(rows)]
    recalls = {f"retrieval/recall_at_{k}": float(np.mean([(each <= k).mean() for each in ranks])) for k in _RECALLS}
    return recalls | {"retrieval/median_rank": float(np.mean([np.median(each) for each in ranks]))}


def summarize(rows: Rows, *, intervals: bool = True) -> Findings:
    """Return recall at 1, 5 and 10 with intervals over recordings, median and mean rank, of every direction beside chance."""
    figures: list[Figure] = []
    recordings = rows["recording_id"]
    for direction in _directions(rows):
        ranks, owners = direction.ranks(), recordings[direction.query_owners]
        num_items = len(direction.items)
        num_own = round(num_items / len(recordings))
        sizes = {"num_examples": len(ranks), "num_groups": len(np.unique(owners))}
        figures += [
            mean_figure(
                f"retrieval/{direction.name}_recall_at_{k}",
                f"{direction.title}, recall at {k} of {num_items:,}",
                (ranks <= k).astype(float),
                owners,
                interval=intervals,
                chance=chance_of_recall(num_items, num_own, k),
            )
            for k in _RECALLS
        ]
        chance = chance_of_rank(num_items, num_own)
        figures += [
            Figure(
                name=f"retrieval/{direction.name}_{word}_rank",
                title=f"{direction.title}, {word} rank of {num_items:,}",
                value=float(function(ranks)),
                chance=chance,
                better="lower",
                **sizes,
            )
            for word, function in (("median", np.median), ("mean", np.mean))
        ]
    means = measure(rows)
    main = Figure(
        name="retrieval/recall_at_10",
        title="mean recall at 10",
        value=means["retrieval/recall_at_10"],
        chance=float(np.mean([each.chance for each in figures if each.name.endswith("recall_at_10")])),
        num_examples=len(recordings),
        num_groups=len(np.unique(recordings)),
    )
    return Findings(figures=(main, *figures))


def _captions(module: Any, batch: Any) -> np.ndarray:
    """Return embeddings of each row's captions (rows, MOST_CAPTIONS, dim), nan beyond the last."""
    counts, embeddings = module.embed_captions(batch, most=MOST_CAPTIONS)
    values = embeddings.cpu().numpy()
    found = np.full((len(counts), MOST_CAPTIONS, values.shape[1]), np.nan, np.float32)
    found[np.arange(MOST_CAPTIONS) < np.asarray(counts)[:, None]] = values
    return found


def _directions(rows: Rows) -> Iterator[_Direction]:
    sides = {}
    for name, values in rows.items():
        if values.ndim == 3:
            owners = np.repeat(np.arange(len(values)), values.shape[1])
            flat = values.reshape(-1, values.shape[2])
            there = ~np.isnan(flat[:, 0])
            sides[name] = flat[there], owners[there]
    for first, second in itertools.permutations(sides, 2):
        yield _Direction(f"{first}_to_{second}", f"{first} -> {second}", *sides[first], *sides[second])
