import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from datasets.media import decode_frames, encode_frames
from datasets.reading.reader import decode_table, read, to_arrays
from datasets.schema import DATASET_VERSION
from infra.errors import InputError
from infra.storage import write_json


def test_frames_are_the_same_whether_decoded_before_or_while_they_become_arrays(small_config):
    config = dataclasses.replace(small_config, storage="h264")
    chance = np.random.default_rng(0)
    shape = (config.num_frames, config.size, config.size, 3)
    stored = [encode_frames(chance.integers(0, 255, shape, np.uint8), frame_rate=config.frame_rate) for _ in range(3)]
    table = pa.table({"clip_id": ["a", "b", "c"], "frames": pa.array(stored, pa.binary())})
    late = to_arrays(table, config=config)["frames"]
    decoded = decode_table(table, config=config)
    assert decode_table(decoded, config=config) is decoded
    early = to_arrays(pa.concat_tables([decoded[1:], decoded[:1]]), config=config)["frames"]
    np.testing.assert_array_equal(late, np.stack([decode_frames(data) for data in stored]))
    np.testing.assert_array_equal(early, late[[1, 2, 0]])
    assert late.flags.writeable
    assert early.flags.writeable


def test_a_column_that_is_asked_for_is_none_where_a_clip_lacks_it(make_clips, small_config):
    dataset = make_clips({"x": [{"label": "a", "pair_id": None}, {"label": None, "fold": 2}]})
    write_json(f"{dataset}/dataset.json", {"version": DATASET_VERSION, "config": small_config.to_dict()})
    first, second = read(dataset, "train", columns=("label", "pair_id", "fold"))
    assert first == {"label": "a", "pair_id": None, "fold": None}
    assert second == {"label": None, "pair_id": None, "fold": 2}
    assert "pair_id" not in next(iter(read(dataset, "train")))
    with pytest.raises(InputError, match="columns: 'labels' does not exist; choose from"):
        next(iter(read(dataset, "train", columns=("labels",))))
