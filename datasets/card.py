"""The dataset card, `dataset.json`: configuration, counts, hours, versions, classes, and what its rows hold."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.config import PreparationConfig
from datasets.index import index_rows, write_index
from datasets.preparation.plan import planned_videos, read_plan
from datasets.preparation.shards import SPLITS, clip_path
from datasets.schema import DATASET_VERSION, LEFT_OUT_SCHEMA
from datasets.tables.licenses import count_licenses
from infra import storage
from infra.errors import InputError
from infra.seeding import digest
from infra.version import code_version, library_versions

CONFIG = "config.json"
_COUNTS = ("rows", "pairs", "videos")


def write_config(dataset: str, config: PreparationConfig) -> None:
    """Record which configuration the folder is for, before anything is made by it."""
    storage.write_json(storage.join(dataset, CONFIG), config.to_dict())


def read_card(dataset: str, *, option: str = "--data") -> dict[str, Any]:
    """Return the card of a dataset that an option names.

    Raises:
        InputError: If there is none, or it is of another version.
    """
    uri = storage.join(dataset, "dataset.json")
    if not storage.exists(uri):
        raise InputError(
            f"{option}: '{dataset}' holds no dataset.json; make it with python -m workflows.prepare --output {dataset}"
        )
    card = storage.read_json(uri)
    if card.get("version") != DATASET_VERSION:
        raise InputError(
            f"{option}: '{dataset}' is of version {card.get('version')}, this program reads {DATASET_VERSION}; prepare it again"
        )
    return card


@dataclasses.dataclass(slots=True)
class Tally:
    """What the markers of all shards that stand say, added up one by one."""

    shard_ids: set[str] = dataclasses.field(default_factory=set)
    splits: dict[str, Counter[str]] = dataclasses.field(default_factory=lambda: {split: Counter() for split in SPLITS})
    classes: dict[str, Counter[str]] = dataclasses.field(default_factory=dict)
    holds: dict[str, Counter[str]] = dataclasses.field(default_factory=dict)
    index: list[pa.Table] = dataclasses.field(default_factory=list)
    errors: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    left_out: list[pa.Table] = dataclasses.field(default_factory=list)
    seconds: Counter[str] = dataclasses.field(default_factory=Counter)
    other_tracks: int = 0
    num_bytes: int = 0
    clips: int = 0

    def add(self, marker: Mapping[str, Any]) -> None:
        """Add a marker."""
        split, rows = marker["split"], marker["rows"]
        self.shard_ids.add(marker["shard_id"])
        self.splits[split].update({name: marker[f"num_{name}"] for name in _COUNTS})
        for label, count in marker["labels"].items():
            self.classes.setdefault(label, Counter())[split] += count
        for name, held in rows["holds"].items():
            self.holds.setdefault(name, Counter())[split] += marker["num_rows"] if held is None else len(held)
        if marker["num_rows"]:
            self.index.append(index_rows(clip_path(split, marker["shard_id"]), rows))
        self.errors += marker["errors"]
        self.left_out.append(pa.Table.from_pylist(marker["left_out"], schema=LEFT_OUT_SCHEMA))
        self.seconds.update({"in": marker["seconds_in"], "covered": marker["seconds_covered"]})
        self.other_tracks += marker["other_tracks"]
        self.num_bytes += marker["num_bytes"]
        self.clips = (self.clips + int(marker["clips"], 16)) % 2**128


def tally_markers(markers: Iterable[Mapping[str, Any]]) -> Tally:
    """Return what markers say together; they are not kept."""
    tally = Tally()
    for marker in markers:
        tally.add(marker)
    return tally


def write_card(
    dataset: str,
    *,
    config: PreparationConfig,
    tally: Tally,
    num_errors: int,
    seconds: dict[str, float],
    screened: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Write and return the card of all shards that stand, and before it their index.

    Its fingerprint stands for clips and configuration, whatever shards the clips are in. `screened` counts sources by their offsets;
    without it the card keeps the counts that it had.
    """
    splits = {split: {name: counts[name] for name in _COUNTS} for split, counts in tally.splits.items()}
    num_rows = sum(counts["rows"] for counts in splits.values())
    videos = planned_videos([shard for shard in read_plan(dataset) if shard.shard_id in tally.shard_ids])
    card = {
        "version": DATASET_VERSION,
        "fingerprint": digest(config.fingerprint, tally.clips).hex(),
        "config": config.to_dict(),
        "splits": splits,
        "hours": num_rows * config.row_seconds / 3600,
        "sources": _account_of(tally),
        "num_bytes": tally.num_bytes,
        "num_errors": num_errors,
        "screened": dict(screened or {}),
        "licenses": count_licenses(dataset, videos),
        "classes": {label: dict(tally.classes[label]) for label in sorted(tally.classes)},
        "holds": {name: dict(tally.holds[name]) for name in sorted(tally.holds)},
        "seconds_by_operator": {name: round(value, 3) for name, value in seconds.items()},
        "code_version": code_version(),
        "library_versions": library_versions(),
    }
    write_index(dataset, tally.index)
    with storage.staged(storage.join(dataset, "left_out.parquet")) as path:
        pq.write_table(pa.concat_tables([LEFT_OUT_SCHEMA.empty_table(), *tally.left_out]), path)
    uri = storage.join(dataset, "dataset.json")
    if storage.exists(uri):
        before = storage.read_json(uri)
        card |= {"audit": before["audit"]} if "audit" in before else {}
        card |= {"screened": before["screened"]} if screened is None and "screened" in before else {}
    storage.write_json(uri, card)
    return card


def _account_of(tally: Tally) -> dict[str, Any]:
    """Return how long the sources are, how much of them is in clips, and what no clip can reach, by reason, in seconds."""
    left_out = pa.concat_tables([LEFT_OUT_SCHEMA.empty_table(), *tally.left_out])
    sums = left_out.group_by("reason").aggregate([("seconds", "sum")]).sort_by("reason").to_pylist()
    return {
        "seconds": tally.seconds["in"],
        "covered_seconds": tally.seconds["covered"],
        "left_out_seconds": {row["reason"]: row["seconds_sum"] for row in sums},
        "other_audio_tracks": tally.other_tracks,
    }


def write_verdict(dataset: str, verdict: str) -> dict[str, Any]:
    """Record what the audit of the dataset as it stands came to; return the card."""
    card = read_card(dataset)
    card["audit"] = {"verdict": verdict, "fingerprint": card["fingerprint"]}
    storage.write_json(storage.join(dataset, "dataset.json"), card)
    return card


def warn_of_leaks(dataset: str) -> list[str]:
    """Return one line where a dataset was not audited as it stands, or leaks; none where it passed."""
    card = read_card(dataset)
    audit = card.get("audit", {})
    if audit.get("fingerprint") != card["fingerprint"]:
        ask = f"python -m workflows.audit --data {dataset}"
        return [f"warning: '{dataset}' was not audited for shortcuts: {ask}"]
    if audit["verdict"] == "leak":
        return [f"warning: '{dataset}' leaks its labels, see {storage.join(dataset, 'audit.html')}"]
    return []


def preparation_of(card: Mapping[str, Any]) -> PreparationConfig:
    """Return the configuration that a card's dataset was prepared with."""
    return PreparationConfig.from_dict(card["config"])
