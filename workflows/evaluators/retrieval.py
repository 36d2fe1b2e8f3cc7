"""Retrieval across modalities: how often a picture finds its caption or its sound among all, and the other ways round, beside chance."""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from models.metrics.retrieval import Answers, chance_of_rank, chance_of_recall, search_all
from workflows.contract.figure import Figure, Findings, Rows, mean_figure
from workflows.contract.held_out import HeldOut

NEEDS = ("reads", "embed", "embed_captions")
MOST_CAPTIONS = 5
"""Captions of a row that are asked about."""
_RECALLS = (1, 5, 10)


class _Direction(NamedTuple):
    """Queries of one modality and items of another, each with the row that it is of."""

    name: str
    title: str
    queries: np.ndarray
    query_owners: np.ndarray
    items: np.ndarray
    item_owners: np.ndarray

    def answers(self) -> Answers:
        return search_all(self.queries, self.items, query_owners=self.query_owners, item_owners=self.item_owners)


def collect(module: Any, data: HeldOut) -> Rows:
    """Return the embeddings of this rank's rows: of every modality that the rows hold (rows, number of it, dim), nan where there is none."""
    held = {name: column for name, columns in module.reads.items() if (column := data.column_of(columns))}
    columns = (*held.values(), "recording_id")
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
    """Return the means over directions of recall at 1, 5 and 10, and of the loss."""
    found = [direction.answers() for direction in _directions(rows)]
    recalls = {
        f"retrieval/recall_at_{k}": float(np.mean([(each.ranks <= k).mean() for each in found])) for k in _RECALLS
    }
    return recalls | {"loss": float(np.mean([each.losses.mean() for each in found]))}


def summarize(rows: Rows, *, intervals: bool = True) -> Findings:
    """Return recall at 1, 5 and 10 with intervals over recordings, median and mean rank, of every direction beside chance."""
    recordings = rows["recording_id"]
    found = [
        figure
        for direction in _directions(rows)
        for figure in _describe(direction, recordings[direction.query_owners], len(recordings), intervals)
    ]
    tenths = [figure for figure in found if figure.name.endswith("recall_at_10")]
    main = Figure(
        name="retrieval/recall_at_10",
        title="mean recall at 10",
        value=float(np.mean([figure.value for figure in tenths])) if tenths else np.nan,
        chance=float(np.mean([figure.chance for figure in tenths])) if tenths else np.nan,
        num_examples=len(recordings),
        num_groups=len(np.unique(recordings)),
    )
    return Findings(figures=(main, *found))


def _describe(direction: _Direction, recordings: np.ndarray, num_rows: int, intervals: bool) -> Iterator[Figure]:
    """Yield the figures of a direction, whose queries are of these recordings."""
    ranks, num_items = direction.answers().ranks, len(direction.items)
    num_own = round(num_items / num_rows)
    for k in _RECALLS:
        yield mean_figure(
            f"retrieval/{direction.name}_recall_at_{k}",
            f"{direction.title}, recall at {k} of {num_items:,}",
            (ranks <= k).astype(float),
            recordings,
            interval=intervals,
            chance=chance_of_recall(num_items, num_own, k),
        )
    for name, value in (("median", np.median(ranks)), ("mean", np.mean(ranks))):
        yield Figure(
            name=f"retrieval/{direction.name}_{name}_rank",
            title=f"{direction.title}, {name} rank of {num_items:,}",
            value=float(value),
            chance=chance_of_rank(num_items, num_own),
            better="lower",
            num_examples=len(ranks),
            num_groups=len(np.unique(recordings)),
        )


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
