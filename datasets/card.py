"""The dataset card, `dataset.json`: configuration, counts, hours, versions, classes, and what its rows hold."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from datasets.config import PreparationConfig
from datasets.index import write_index
from datasets.preparation.shards import SPLITS, clip_path, planned_videos, read_plan
from datasets.schema import DATASET_VERSION
from datasets.tables.licenses import count_licenses
from infra import storage
from infra.errors import InputError
from infra.seeding import digest
from infra.version import code_version, library_versions

CONFIG = "config.json"


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


def write_card(
    dataset: str,
    *,
    config: PreparationConfig,
    markers: list[dict[str, Any]],
    num_errors: int,
    seconds: dict[str, float],
) -> dict[str, Any]:
    """Write and return the card of all shards that stand, and before it their index."""
    splits = {
        split: {
            name: sum(m[f"num_{name}"] for m in markers if m["split"] == split) for name in ("rows", "pairs", "videos")
        }
        for split in SPLITS
    }
    classes: dict[str, Counter[str]] = {}
    for marker in markers:
        for label, count in marker["labels"].items():
            classes.setdefault(label, Counter())[marker["split"]] += count
    num_rows = sum(split["rows"] for split in splits.values())
    standing = {m["shard_id"] for m in markers}
    videos = planned_videos(shard for shard in read_plan(dataset) if shard.shard_id in standing)
    card = {
        "version": DATASET_VERSION,
        "fingerprint": digest(config.fingerprint, sorted(m["shard_id"] for m in markers)).hex(),
        "config": config.to_dict(),
        "splits": splits,
        "hours": num_rows * config.row_seconds / 3600,
        "num_bytes": sum(m["num_bytes"] for m in markers),
        "num_errors": num_errors,
        "licenses": count_licenses(dataset, videos),
        "classes": {label: dict(classes[label]) for label in sorted(classes)},
        "holds": count_holdings(markers),
        "seconds_by_operator": {name: round(value, 3) for name, value in seconds.items()},
        "code_version": code_version(),
        "library_versions": library_versions(),
    }
    write_index(dataset, {clip_path(m["split"], m["shard_id"]): m["rows"] for m in markers})
    uri = storage.join(dataset, "dataset.json")
    if storage.exists(uri):
        before = storage.read_json(uri)
        card |= {"audit": before["audit"]} if "audit" in before else {}
    storage.write_json(uri, card)
    return card


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


def count_holdings(markers: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Return how many rows of each split hold each thing: a medium, a label, boxes, a text of a role as `texts:ROLE`."""
    counts: dict[str, Counter[str]] = {}
    for marker in markers:
        for name, rows in marker["rows"]["holds"].items():
            counts.setdefault(name, Counter())[marker["split"]] += marker["num_rows"] if rows is None else len(rows)
    return {name: dict(counts[name]) for name in sorted(counts)}


def preparation_of(card: Mapping[str, Any]) -> PreparationConfig:
    """Return the configuration that a card's dataset was prepared with."""
    return PreparationConfig.from_dict(card["config"])
