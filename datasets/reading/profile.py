"""The profile and the schema of a dataset's split, as tracking shows them beside a run: clips, hours, bytes, classes, columns."""

import os
from collections.abc import Mapping
from typing import Any

from datasets.card import preparation_of
from datasets.schema import CLIP_SCHEMA

ALL = "all"
_TYPES = {"string": "string", "int32": "integer", "double": "double", "bool": "boolean", "binary": "binary"}


def dataset_input(dataset: str, card: Mapping[str, Any], split: str) -> dict[str, Any]:
    """Return what `Run.log_dataset` takes of a dataset's split, besides the context."""
    return {
        "uri": dataset,
        "name": f"{os.path.basename(dataset)}/{split}",
        "digest": card["fingerprint"],
        "columns": dataset_columns(card),
        "profile": profile_dataset(card, split),
    }


def profile_dataset(card: Mapping[str, Any], split: str = ALL) -> dict[str, Any]:
    """Return what a split of a dataset holds; with `all` the counts of every split, and the bytes of all files."""
    splits = card["splits"]
    counted = [splits[split]] if split in splits else list(splits.values())
    rows = sum(each["rows"] for each in counted)
    found: dict[str, Any] = {
        "num_rows": rows,
        "num_pairs": sum(each["pairs"] for each in counted),
        "num_videos": sum(each["videos"] for each in counted),
        "hours": round(rows * preparation_of(card).row_seconds / 3600, 4),
    }
    if split not in splits:
        found |= {
            "num_bytes": card["num_bytes"],
            "rows_by_split": {name: each["rows"] for name, each in splits.items()},
        }
    classes = {label: sum(counts.values()) for label, counts in card["classes"].items() if label}
    if split in splits:
        classes = {label: card["classes"][label].get(split, 0) for label in classes}
    return found | ({"num_classes": len(classes), "classes": classes} if classes else {})


def dataset_columns(card: Mapping[str, Any]) -> dict[str, str]:
    """Return the type of every column that at least one row fills, or that all rows have."""
    fills = {name.partition(":")[0] for name in card["holds"]}
    media = {"frames", "waveform", "log_mel", "image", "texts", "boxes"}
    return {
        field.name: _TYPES.get(str(field.type), "object") for field in CLIP_SCHEMA if field.name not in media - fills
    }
