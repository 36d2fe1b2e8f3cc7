"""A dataset's clip files and their index, made of given rows."""

import pyarrow as pa
import pytest

from datasets.clips.parquet import row_groups, write_clips
from datasets.index import describe_rows, index_rows, outline, write_index
from datasets.preparation.shards import clip_path
from datasets.schema import CLIP_SCHEMA
from infra import storage


@pytest.fixture
def make_clips(tmp_path):
    """Writes shards of rows, by shard and split; returns the dataset's folder."""

    def make(shards, split="train"):
        described = {}
        for name, rows in shards.items():
            known = dict.fromkeys(("clip_id", "source", "video_id", "recording_id"), "v")
            table = pa.Table.from_pylist([known | row for row in rows], schema=CLIP_SCHEMA)
            path = clip_path(split, name)
            write_clips(storage.join(str(tmp_path), path), table)
            described[path] = describe_rows(outline(table), [group.num_rows for group in row_groups(table)])
        write_index(str(tmp_path), [index_rows(file, rows) for file, rows in described.items()])
        return str(tmp_path)

    return make
