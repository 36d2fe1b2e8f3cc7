"""Whether a dataset's files are those that its plan, its markers and its card speak of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from datasets.card import CONFIG
from datasets.config import PreparationConfig
from datasets.doctor.flag import Flag
from datasets.preparation.markers import list_markers, marker_file
from datasets.preparation.plan import Shard, read_plan, walk_plan
from datasets.preparation.shards import clip_file, shard_name
from datasets.schema import DATASET_VERSION
from infra import storage
from infra.errors import InputError

_TABLES = ("errors.parquet", "index.parquet", "left_out.parquet", "licenses.parquet")
_CONTENT = ("video_id", "content_id")
_FINISH = "run workflows.prepare again with the same options"


def read_config(card: Mapping[str, Any] | None) -> PreparationConfig | None:
    """Return the configuration that the card names; none where it is unknown."""
    try:
        return None if card is None else PreparationConfig.from_dict(card["config"])
    except (KeyError, TypeError, InputError):
        return None


def find_card(dataset: str) -> tuple[dict[str, Any] | None, list[Flag]]:
    """Return the card where there is one that can be read, and what is wrong with it."""
    uri = storage.join(dataset, "dataset.json")
    if not storage.exists(uri):
        unfinished = storage.exists(storage.join(dataset, CONFIG))
        detail = (
            f"preparation did not end; {_FINISH}" if unfinished else "made by something else than workflows.prepare"
        )
        return None, [_error("no dataset.json", dataset, detail)]
    card, flags = _read(uri)
    if card is None or card.get("version") == DATASET_VERSION:
        return card, flags
    detail = f"version {card.get('version')}, this program reads {DATASET_VERSION}; prepare it again"
    return None, [_error("other version", uri, detail)]


def flag_bookkeeping(
    dataset: str, card: Mapping[str, Any] | None, config: PreparationConfig | None, rows: Mapping[str, int | None]
) -> Iterator[Flag]:
    """Yield where plan, markers, card and files contradict each other.

    Args:
        dataset: folder of the dataset.
        card: its card, none where there is none.
        config: configuration that the card names.
        rows: rows of every Parquet file below the folder, none for a broken one.
    """
    yield from _leftovers(dataset)
    if card is None:
        return
    if config is None:
        yield _error(
            "broken card", storage.join(dataset, "dataset.json"), "names no valid configuration; prepare it again"
        )
        return
    yield from _other_configuration(dataset, card)
    try:
        shards = read_plan(dataset)
        names = {
            shard.shard_id: _name(shard, rows_of, config) for shard, rows_of in walk_plan(shards, columns=_CONTENT)
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        yield _error("broken plan", storage.join(dataset, "plan"), f"{error}; prepare it again")
        return
    yield from _unknown_files(dataset, shards, rows)
    standing = list_markers(dataset)
    for shard in shards:
        if shard.shard_id != names[shard.shard_id]:
            detail = f"shard {shard.shard_id} was planned with another configuration than the card's; prepare it again"
            yield _error("mixed configurations", clip_file(dataset, shard), detail)
        yield from _shard(dataset, shard, rows, made=shard.shard_id in standing)
    clips = [n or 0 for uri, n in rows.items() if uri.startswith(storage.join(dataset, "clips", ""))]
    counted = sum(split.get("rows", 0) for split in card.get("splits", {}).values())
    if counted != sum(clips):
        yield _error(
            "other counts", dataset, f"the card counts {counted} clips, the files hold {sum(clips)}; {_FINISH}"
        )


def _leftovers(dataset: str) -> Iterator[Flag]:
    for uri in storage.list_abandoned(dataset):
        yield Flag(severity="warning", name="leftover", place=uri, detail="half a file of a killed run; remove it")


def _other_configuration(dataset: str, card: Mapping[str, Any]) -> Iterator[Flag]:
    uri = storage.join(dataset, CONFIG)
    if not storage.exists(uri):
        return
    before, flags = _read(uri)
    yield from flags
    if before is not None and before != card["config"]:
        name = next(name for name in {**before, **card["config"]} if before.get(name) != card["config"].get(name))
        detail = (
            f"{name} is {before.get(name)} in {CONFIG} and {card['config'].get(name)} in dataset.json; prepare it again"
        )
        yield _error("mixed configurations", dataset, detail)


def _unknown_files(dataset: str, shards: Sequence[Shard], rows: Mapping[str, int | None]) -> Iterator[Flag]:
    planned = {clip_file(dataset, shard) for shard in shards}
    clips, *others = (storage.join(dataset, folder, "") for folder in ("clips", "recordings", "plan"))
    tables = {storage.join(dataset, name) for name in _TABLES}
    for uri in rows:
        if uri.startswith(clips) and uri not in planned:
            yield _error("unknown file", uri, "the plan does not know it, and training does not read it; remove it")
        elif not uri.startswith((clips, *others)) and uri not in tables:
            yield Flag(severity="warning", name="unknown file", place=uri, detail="no part of the dataset")
    markers = {marker_file(dataset, shard.shard_id) for shard in shards}
    for uri in storage.list_files(storage.join(dataset, "markers"), suffix=".json"):
        if uri not in markers:
            yield Flag(
                severity="warning", name="unknown marker", place=uri, detail="of no shard in the plan; remove it"
            )


def _name(shard: Shard, sources: pa.Table, config: PreparationConfig) -> str:
    content = list(zip(*(sources[name].to_pylist() for name in _CONTENT), strict=True))
    return shard_name(config.fingerprint, shard.split, content, shard.generation)


def _shard(dataset: str, shard: Shard, rows: Mapping[str, int | None], *, made: bool) -> Iterator[Flag]:
    uri, mark = clip_file(dataset, shard), marker_file(dataset, shard.shard_id)
    if not made:
        yield _error("shard not made", uri, f"planned with {shard.num_sources} videos; {_FINISH}")
        return
    marker, flags = _read(mark)
    yield from flags
    if marker is None:
        return
    expected, found = marker.get("num_rows"), rows.get(uri, 0)
    if expected is None:
        yield _error("broken file", mark, f"counts no clips; remove it and {_FINISH}")
    elif not expected:
        reasons = sorted({row["reason"] for row in marker.get("errors", [])})
        detail = f"none of its {shard.num_sources} videos gave a clip: {', '.join(reasons) or 'no reason given'}"
        yield Flag(severity="warning", name="empty shard", place=mark, detail=detail)
    elif uri not in rows:
        yield _error("shard lost", uri, f"its marker counts {expected} clips; remove {mark} and {_FINISH}")
    elif found is not None and found != expected:
        yield _error("other counts", uri, f"{found} clips, its marker counts {expected}; remove {mark} and {_FINISH}")


def _read(uri: str) -> tuple[dict[str, Any] | None, list[Flag]]:
    try:
        value = storage.read_json(uri)
        if isinstance(value, dict):
            return value, []
        reason = "no table of names"
    except (ValueError, OSError) as error:
        reason = str(error)
    return None, [_error("broken file", uri, f"{reason}; prepare the dataset again")]


def _error(name: str, place: str, detail: str) -> Flag:
    return Flag(severity="error", name=name, place=place, detail=detail)
