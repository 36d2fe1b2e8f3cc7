"""The columns of a dataset: the only place where their names and types stand.

A row is one clip: one window of one source, or one still picture, sound or text. What a row lacks is null. `frames` holds an H.264
stream or raw uint8 (frames, height, width, 3) in C order, `waveform` int16 PCM (samples,), `log_mel` float16 (bins, hops), `image` one
encoded still picture; which, and of what size, says `dataset.json`. `clips/measures.py` says what loudness, silence and motion are.
Only where a row has picture and sound is it in sync or not, and only what moves or sounds has a start.
`texts` are timed on the clip's own clock where they have times. `boxes` are normalized to the stored frame and bound what sounds: null where
nobody knows, empty where what sounds is out of sight. `aspect` is the width of the source's picture by its height, as players show it.
"""

from typing import Literal

import pyarrow as pa

DATASET_VERSION = 3

MEDIA_COLUMNS = ("frames", "waveform", "log_mel", "image")

Modality = Literal["picture", "sound", "image", "text"]
"""What rows are made of: moving picture, sound, a still picture, texts."""
MODALITIES: tuple[Modality, ...] = ("picture", "sound", "image", "text")

TEXT_ROLES = (
    "caption",
    "narration",
    "transcript",
    "tag",
    "question",
    "answer",
    "title",
    "ingredient",
    "instruction",
    "word",
)

TEXT_TYPE = pa.struct(
    [("role", pa.string()), ("text", pa.string()), ("start_seconds", pa.float64()), ("end_seconds", pa.float64())]
)
BOX_TYPE = pa.struct([(name, pa.float64()) for name in ("x0", "y0", "x1", "y1")] + [("label", pa.string())])

CLIP_SCHEMA = pa.schema(
    [
        pa.field("clip_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("recording_id", pa.string(), nullable=False),
        pa.field("pair_id", pa.string()),
        pa.field("label", pa.string()),
        pa.field("fold", pa.int32()),
        pa.field("start_seconds", pa.float64()),
        pa.field("sound_start_seconds", pa.float64()),
        pa.field("in_sync", pa.bool_()),
        pa.field("shift_seconds", pa.float64()),
        pa.field("loudness_db", pa.float64()),
        pa.field("silence_share", pa.float64()),
        pa.field("motion", pa.float64()),
        pa.field("aspect", pa.float64()),
        pa.field("frames", pa.binary()),
        pa.field("waveform", pa.binary()),
        pa.field("log_mel", pa.binary()),
        pa.field("image", pa.binary()),
        pa.field("texts", pa.list_(TEXT_TYPE)),
        pa.field("boxes", pa.list_(BOX_TYPE)),
    ]
)

LEFT_OUT_SCHEMA = pa.schema(
    [*(pa.field(name, pa.string()) for name in ("source", "stage", "reason")), pa.field("seconds", pa.float64())]
)
"""What of a source that was used no window can reach."""

ERROR_SCHEMA = pa.schema([pa.field(name, pa.string()) for name in ("source", "stage", "reason", "detail")])
