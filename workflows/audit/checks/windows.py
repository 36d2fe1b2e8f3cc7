"""Windows of a dataset, reduced to what the checks read, and the labeled examples that training makes of them."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.config import PreparationConfig
from datasets.preparation.shards import SPLITS
from datasets.reading.reader import decode_table, to_arrays
from datasets.reading.row_groups import read_rows
from infra import storage
from infra.errors import InputError

_COLUMNS = ("recording_id", "video_id", "pair_id", "start_seconds", "sound_start_seconds", "in_sync")
_MEDIA = ("frames", "waveform", "log_mel")
_THUMBNAIL = 8
_EDGE_SAMPLES = 1024
_AAC_FRAME = 1024
_SILENT = 1e-3
"""-60 dB of full scale."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Windows:
    """Windows, row by row.

    `partner` is the row of the pair's other window, -1 where there is none; `log_mel` (rows, bins, hops); `thumbnails` (rows,
    192, frames), 8x8 means of every frame; `sounds` (rows,) per statistic of the waveform that no network computes; `frame_places`
    (rows,) how many samples before the sound began the codec's frame would have begun.
    """

    recordings: np.ndarray
    starts: np.ndarray
    sound_starts: np.ndarray
    frame_places: np.ndarray
    in_sync: np.ndarray
    partner: np.ndarray
    log_mel: np.ndarray
    thumbnails: np.ndarray
    sounds: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """Examples: the row of the picture, the row of the sound, and whether they are in sync."""

    picture: np.ndarray
    sound: np.ndarray
    target: np.ndarray


def read_windows(dataset: str, config: PreparationConfig, *, max_rows: int) -> Windows:
    """Return the windows of all splits, of at most about `max_rows` rows: whole row groups, spread over the files.

    Raises:
        InputError: If they have no picture or no sound.
    """
    if lacking := lacking_for_sync(config):
        raise InputError(
            f"--data: '{dataset}' cannot be asked for sync: {lacking}; give a dataset of picture and sound"
        )
    texts: dict[str, list] = {name: [] for name in _COLUMNS}
    parts: list[dict[str, np.ndarray]] = []
    for table in read_tables(dataset, max_rows=max_rows, columns=(*_COLUMNS, *_MEDIA)):
        for name in _COLUMNS:
            texts[name] += table[name].to_pylist()
        arrays = to_arrays(decode_table(table.select(list(_MEDIA)), config=config), config=config)
        parts.append(
            {"log_mel": arrays["log_mel"], "thumbnails": _thumbnails(arrays["frames"])}
            | _sound_statistics(arrays["waveform"][:, 0], config.sample_rate)
        )
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    sound_starts = np.asarray(texts["sound_start_seconds"], float)
    return Windows(
        recordings=np.asarray(texts["recording_id"]),
        starts=np.asarray(texts["start_seconds"], float),
        sound_starts=sound_starts,
        frame_places=np.rint(sound_starts * config.sample_rate) % _AAC_FRAME,
        in_sync=np.asarray(texts["in_sync"], bool),
        partner=partners(texts["pair_id"]),
        log_mel=joined.pop("log_mel"),
        thumbnails=joined.pop("thumbnails"),
        sounds=joined,
    )


def lacking_for_sync(config: PreparationConfig) -> str:
    """Return what rows lack to be asked whether picture and sound are in sync; nothing where they have both."""
    lacking = [
        name for name, there in (("moving picture", config.has_picture), ("sound", config.has_sound)) if not there
    ]
    return f"rows have no {' and no '.join(lacking)}" if lacking else ""


def read_pictures(dataset: str, config: PreparationConfig, *, side: int, max_rows: int) -> np.ndarray:
    """Return the frames of the same windows in the same order, small: float32 (rows, 3, frames, side, side) in [-1, 1]."""
    pictures = []
    for table in read_tables(dataset, max_rows=max_rows, columns=("frames",)):
        arrays = to_arrays(decode_table(table, config=config), config=config)
        pictures.append(_block_means(arrays["frames"], side))
    frames = np.concatenate(pictures)
    return np.ascontiguousarray(np.moveaxis(frames, 4, 1)) / 127.5 - 1


def make_examples(windows: Windows) -> Examples:
    """Return all four pairings of every pair; where windows carry their own label, each window."""
    return pair_examples(windows.partner, windows.in_sync)


def pair_examples(partner: np.ndarray, in_sync: np.ndarray) -> Examples:
    """Return the examples of windows, by the row of each one's partner (-1: none) and its own label."""
    rows = np.arange(len(partner))
    first = np.flatnonzero((partner >= 0) & (rows < partner))
    if len(first):
        second = partner[first]
        return Examples(
            picture=np.concatenate([first, second, first, second]),
            sound=np.concatenate([first, second, second, first]),
            target=np.repeat([1, 1, 0, 0], len(first)),
        )
    return Examples(picture=rows, sound=rows, target=in_sync.astype(int))


def read_tables(
    dataset: str, *, max_rows: int, columns: Sequence[str], splits: Sequence[str] = SPLITS
) -> Iterator[pa.Table]:
    """Yield whole row groups, spread over the files, of about `max_rows` rows in all; a column that a file lacks is null."""
    places = [
        (uri, group, rows)
        for split in splits
        for uri in storage.list_files(storage.join(dataset, "clips", f"split={split}"), suffix=".parquet")
        for group, rows in enumerate(_group_sizes(uri))
    ]
    total = sum(rows for *_, rows in places)
    kept = places[:: max(1, -(-total // max_rows))]
    for uri, group, rows in kept:
        yield read_rows(uri, group, range(rows), columns)


def _group_sizes(uri: str) -> list[int]:
    metadata = pq.ParquetFile(storage.open_input(uri)).metadata
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]


def partners(pair_ids: Sequence[str | None]) -> np.ndarray:
    """Return the row of each row's partner in its pair, -1 where there is none."""
    rows: dict[str, list[int]] = {}
    for row, pair in enumerate(pair_ids):
        if pair is not None:
            rows.setdefault(pair, []).append(row)
    partner = np.full(len(pair_ids), -1)
    for members in rows.values():
        if len(members) == 2:
            partner[members] = members[::-1]
    return partner


def _thumbnails(frames: np.ndarray) -> np.ndarray:
    means = _block_means(frames, _THUMBNAIL)
    return np.moveaxis(means.reshape(*means.shape[:2], -1), 1, 2) / 255


def _block_means(frames: np.ndarray, side: int) -> np.ndarray:
    rows, count, height, width, _ = frames.shape
    tall, wide = height // side, width // side
    frames = frames[:, :, : tall * side, : wide * side]
    return frames.reshape(rows, count, side, tall, side, wide, 3).mean(axis=(3, 5), dtype=np.float32)


def _sound_statistics(waveform: np.ndarray, sample_rate: int) -> dict[str, np.ndarray]:
    level = np.sqrt((waveform**2).mean(axis=1)) + 1e-6
    bend = np.abs(np.diff(waveform, 2, axis=1))[:, 2 * _EDGE_SAMPLES : -2 * _EDGE_SAMPLES]
    begin, end = waveform[:, :_EDGE_SAMPLES], waveform[:, -_EDGE_SAMPLES:]
    return {
        "seam": bend.max(axis=1, initial=0) / level,
        "level at the start": np.sqrt((begin**2).mean(axis=1)) / level,
        "level at the end": np.sqrt((end**2).mean(axis=1)) / level,
        "longest silence": np.asarray([_longest_run(np.abs(row) < _SILENT) for row in waveform]) / sample_rate,
    }


def _longest_run(flags: np.ndarray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))
