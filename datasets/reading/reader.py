"""From Parquet rows back to arrays: clips as uint8 frames and float sound, in batches of units."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from datasets.card import read_card
from datasets.config import PreparationConfig
from datasets.media import MediaError, decode_image, decode_into
from datasets.reading.row_groups import RowGroup, read_rows
from datasets.reading.selection import SplitName, select_units
from datasets.schema import CLIP_SCHEMA, MEDIA_COLUMNS
from infra import storage
from infra.errors import InputError

Batch = dict[str, Any]
"""Arrays by column name, with the clips along the first axis; text columns are lists."""

_DECODED = pa.large_binary()


def read(dataset: str, split: SplitName = "train", *, columns: Sequence[str] | None = None) -> Iterator[Batch]:
    """Yield a dataset's clips one by one, decoded, as arrays and texts by column name.

    Args:
        dataset: folder that workflows.prepare made.
        split: train, validation, test, or all of them.
        columns: these columns, None where a clip lacks one; those that a clip has if not given.

    Raises:
        InputError: If there is no such dataset or column, or a file is broken.
    """
    place = storage.resolve(dataset, field="dataset")
    config = PreparationConfig.from_dict(read_card(place)["config"])
    unknown = set(columns or ()) - set(CLIP_SCHEMA.names)
    if unknown:
        raise InputError(f"columns: '{unknown.pop()}' does not exist; choose from {', '.join(CLIP_SCHEMA.names)}")
    for group in select_units(place, split, unit="row").groups:
        table = read_rows(group.uri, group.index, group.units, columns or CLIP_SCHEMA.names)
        for row in range(table.num_rows):
            clip = table[row : row + 1]
            empty = [name for name in clip.column_names if clip[name].null_count]
            arrays = to_arrays(clip.drop_columns(empty), config=config)
            lacking = dict.fromkeys(empty) if columns else {}
            yield lacking | {name: values[0] for name, values in arrays.items()}


def decode_table(table: pa.Table, *, config: PreparationConfig) -> pa.Table:
    """Return the rows with their frames as raw uint8, one after another in one buffer."""
    if not is_encoded(table, config):
        return table
    frames = _decode(table["frames"], config)
    offsets = np.arange(len(frames) + 1, dtype=np.int64) * frames[0].nbytes
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(frames.reshape(-1))]
    place = table.column_names.index("frames")
    return table.set_column(place, "frames", pa.LargeBinaryArray.from_buffers(_DECODED, len(frames), buffers))


def to_arrays(table: pa.Table, *, config: PreparationConfig) -> Batch:
    """Return rows as arrays; what is not decoded yet is decoded into its place.

    frames uint8 (clips, frames, height, width, 3), waveform float32 (clips, 1, samples) in [-1, 1],
    log_mel float32 (clips, bins, hops), image uint8 (clips, height, width, 3).

    Raises:
        InputError: If still pictures are broken or of several sizes, or some rows have none.
    """
    encoded = is_encoded(table, config)
    return {
        name: _decode(table[name], config) if name == "frames" and encoded else _join(name, _parts(table, name, config))
        for name in table.column_names
    }


def row_views(table: pa.Table, *, config: PreparationConfig) -> list[Batch]:
    """Return decoded rows one by one, as they are stored and where they lie: for `collate`, which is the first to copy them."""
    columns = [
        [part[row : row + 1] for part in _parts(table, name, config) for row in range(len(part))]
        for name in table.column_names
    ]
    return [dict(zip(table.column_names, values, strict=True)) for values in zip(*columns, strict=True)]


def collate(rows: Sequence[Batch]) -> Batch:
    """Return rows that `row_views` gave, of one table or of several, as `to_arrays` would."""
    return {name: _join(name, [row[name] for row in rows]) for name in rows[0]}


def _parts(table: pa.Table, name: str, config: PreparationConfig) -> list[Any]:
    """Return a decoded column in parts, as it is stored and where it lies: arrays with the rows along the first axis, or a list of texts."""
    if name not in MEDIA_COLUMNS or name == "image":
        return [table[name].to_pylist()]
    dtype, shape = {
        "frames": (np.uint8, (config.num_frames, config.size, config.size, 3)),
        "waveform": (np.int16, (1, config.num_samples)),
        "log_mel": (np.float16, (config.log_mel.num_bins, config.num_hops)),
    }[name]
    return [_values(chunk, dtype).reshape(-1, *shape) for chunk in table[name].chunks]


def _join(name: str, parts: Sequence[Any]) -> Any:
    """Return parts of a column as one array of its own, in the type that is computed with."""
    if name == "image":
        return _stills(list(itertools.chain.from_iterable(parts)))
    if name not in MEDIA_COLUMNS:
        return list(itertools.chain.from_iterable(parts))
    values = np.concatenate(parts)
    if name == "frames":
        return values
    return values.astype(np.float32) / 32768 if name == "waveform" else values.astype(np.float32)


def _stills(stored: Sequence[bytes | None]) -> np.ndarray:
    """Return still pictures decoded, one after another."""
    if None in stored:
        raise InputError(
            "image: some rows have no still picture; leave the column out, or ask for rows that hold image"
        )
    try:
        pictures = [decode_image(data) for data in stored if data is not None]
    except MediaError as error:
        raise InputError(
            f"image: a stored picture is broken ({error.detail or error.reason}); prepare it again"
        ) from None
    sizes = {picture.shape for picture in pictures}
    if len(sizes) > 1:
        shown = " and ".join(f"{width}x{height}" for height, width, _ in sorted(sizes)[:2])
        raise InputError(
            f"image: still pictures of one batch are of several sizes, such as {shown}; prepare the dataset with --image-size"
        )
    return np.stack(pictures)


def _values(chunk: pa.Array, dtype: type) -> np.ndarray:
    """Return what all rows of a binary column hold, one after another, where it lies."""
    _, offsets, data = chunk.buffers()
    kind = np.int64 if pa.types.is_large_binary(chunk.type) else np.int32
    begin, end = np.frombuffer(offsets, kind)[[chunk.offset, chunk.offset + len(chunk)]].tolist()
    return np.frombuffer(data, np.uint8)[begin:end].view(dtype)


def read_units(
    groups: Sequence[RowGroup],
    *,
    columns: Sequence[str],
    config: PreparationConfig,
    batch_size: int,
    share: tuple[int, int] = (0, 1),
    consecutive: int = 1,
) -> Iterator[Batch]:
    """Yield all units in order, the rows of each one after another; the last batch may be smaller.

    Args:
        groups: row groups to read.
        columns: columns to read.
        config: configuration of the dataset.
        batch_size: units a batch.
        share: (rank, number of ranks): every so many-th unit only, or run of units.
        consecutive: units of such a run.
    """
    rank, world_size = share
    waiting: list[pa.Table] = []
    count = 0
    for group in groups:
        mine = [
            first for place, first in enumerate(group.units, start=count) if place // consecutive % world_size == rank
        ]
        count += len(group.units)
        if not mine:
            continue
        waiting.append(read_rows(group.uri, group.index, group.rows(mine), columns))
        table, num_rows = pa.concat_tables(waiting), group.span * batch_size
        while table.num_rows >= num_rows:
            yield to_arrays(table[:num_rows], config=config)
            table = table[num_rows:]
        waiting = [table] if table.num_rows else []
    if waiting:
        yield to_arrays(pa.concat_tables(waiting), config=config)


def is_encoded(table: pa.Table, config: PreparationConfig) -> bool:
    """Return whether frames are as they are stored in H.264; decoded ones are of another type, as they may be of more than 2 GB."""
    return config.storage == "h264" and "frames" in table.column_names and table.schema.field("frames").type != _DECODED


def _decode(streams: pa.ChunkedArray, config: PreparationConfig) -> np.ndarray:
    frames = np.empty((len(streams), config.num_frames, config.size, config.size, 3), np.uint8)
    for place, data in zip(frames, streams, strict=True):
        decode_into(data.as_buffer(), place)
    return frames
