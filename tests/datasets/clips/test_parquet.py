"""A file of clips is written row group by row group, whole or not at all."""

import weakref

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.clips import parquet
from datasets.clips.parquet import ClipFile, row_groups, write_clips
from datasets.index import describe_rows, outline
from datasets.schema import CLIP_SCHEMA

COLUMNS = [name for name in CLIP_SCHEMA.names if name not in ("image", "boxes", "fold")]


def row(number, *, size=1000, pair=None):
    return {
        **dict.fromkeys(("source", "video_id", "recording_id"), "v"),
        "clip_id": f"v#{number}",
        "pair_id": pair,
        "frames": np.full(size, number % 256, np.uint8).data,
        "waveform": None if number % 3 == 0 else bytes(10),
        "texts": [{"role": "caption", "text": "a drum", "start_seconds": None, "end_seconds": None}],
    }


@pytest.fixture
def rows(monkeypatch):
    """Pairs and single rows of many sizes, for row groups of 10 kB."""
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 10_000)
    sizes = np.random.default_rng(0).integers(100, 4000, 100)
    return [row(n, size=int(size), pair=f"v#pair{n // 2}" if n < 60 else None) for n, size in enumerate(sizes)]


def test_clip_file_written_row_by_row_is_that_of_a_table(rows, tmp_path):
    plain = [one | {"frames": bytes(one["frames"])} for one in rows]
    table = pa.Table.from_pylist(plain, schema=CLIP_SCHEMA)
    write_clips(str(tmp_path / "table.parquet"), table)
    with ClipFile(str(tmp_path / "rows.parquet"), COLUMNS) as file:
        for one in rows:
            file.add(one)
    groups = [group.num_rows for group in row_groups(table)]
    assert file.row_groups == groups and len(groups) > 10
    assert describe_rows(file.outline(), groups) == describe_rows(outline(table), groups)
    written, expected = (pq.ParquetFile(tmp_path / f"{name}.parquet") for name in ("rows", "table"))
    assert [written.metadata.row_group(n).num_rows for n in range(written.num_row_groups)] == groups
    assert written.read(expected.schema_arrow.names).equals(expected.read())


def test_clip_file_lets_go_of_the_rows_of_a_row_group(monkeypatch, tmp_path):
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 10_000)
    with ClipFile(str(tmp_path / "rows.parquet"), COLUMNS) as file:
        seen = []
        for number in range(8):
            frames = np.zeros(6000, np.uint8)
            seen.append(weakref.ref(frames))
            file.add(row(number, pair=f"v#pair{number // 2}") | {"frames": frames.data})
            del frames
            assert sum(one() is not None for one in seen) == (number + 1) % 2
    assert file.row_groups == [2, 2, 2, 2]


def test_clip_file_after_an_error_is_not_there(tmp_path):
    def broken():
        with ClipFile(str(tmp_path / "clips" / "rows.parquet"), COLUMNS) as file:
            for number in range(100):
                file.add(row(number))
            assert list((tmp_path / "clips").iterdir()) != []
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    with ClipFile(str(tmp_path / "clips" / "none.parquet"), COLUMNS) as file:
        pass
    assert list((tmp_path / "clips").iterdir()) == []
    assert (file.row_groups, file.outline().num_rows) == ([], 0)
