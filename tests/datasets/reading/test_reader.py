import dataclasses

import numpy as np
import pyarrow as pa

from datasets.media import decode_frames, encode_frames
from datasets.reading.reader import decode_table, to_arrays


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
