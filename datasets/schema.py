"""The columns of a dataset: the only place where their names and types stand.

A row is one clip: one window of one source. `frames` holds an H.264 stream or raw uint8 (frames, height, width, 3) in C order,
`waveform` int16 PCM (samples,), `log_mel` float16 (bins, hops); which, and of what size, says `dataset.json`. `measures.py` says what loudness,
silence and motion are; files of before they were measured lack these columns and are read all the same.
"""

import pyarrow as pa

DATASET_VERSION = 1

MEDIA_COLUMNS = ("frames", "waveform", "log_mel", "image")

CLIP_SCHEMA = pa.schema(
    [
        pa.field("clip_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("recording_id", pa.string(), nullable=False),
        pa.field("pair_id", pa.string()),
        pa.field("label", pa.string()),
        pa.field("start_seconds", pa.float64(), nullable=False),
        pa.field("sound_start_seconds", pa.float64(), nullable=False),
        pa.field("in_sync", pa.bool_(), nullable=False),
        pa.field("shift_seconds", pa.float64()),
        pa.field("loudness_db", pa.float64()),
        pa.field("silence_share", pa.float64()),
        pa.field("motion", pa.float64()),
        pa.field("frames", pa.binary()),
        pa.field("waveform", pa.binary()),
        pa.field("log_mel", pa.binary()),
        pa.field("image", pa.binary()),
        pa.field("texts", pa.list_(pa.string())),
        pa.field("boxes", pa.list_(pa.list_(pa.float64()))),
    ]
)

ERROR_SCHEMA = pa.schema([pa.field(name, pa.string()) for name in ("source", "stage", "reason", "detail")])

BOX_SCHEMA = pa.schema(
    [
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("boxes", pa.list_(pa.list_(pa.float64()))),
        pa.field("off_screen", pa.bool_(), nullable=False),
    ]
)
