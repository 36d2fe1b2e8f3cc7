"""Demuxing, decoding and encoding; the only place that knows PyAV.

All times are seconds since `MediaInfo.origin_seconds`: the earliest presented time stamp of picture and sound, as players count.
"""

from datasets.media.calibrate import Coding, coding_of, measure_delay
from datasets.media.cut import Window, cut, read_sound
from datasets.media.encode import decode_frames, decode_into, encode_frames, write_chunks, write_video
from datasets.media.listen import Listener
from datasets.media.probe import PICTURE, SOUND, MediaError, MediaInfo, display_size, probe, reading, sound_origin
from datasets.media.recode import through_aac
from datasets.media.still import decode_image, image_size, read_image

__all__ = [
    "PICTURE",
    "SOUND",
    "Coding",
    "Listener",
    "MediaError",
    "MediaInfo",
    "Window",
    "coding_of",
    "cut",
    "decode_frames",
    "decode_image",
    "decode_into",
    "display_size",
    "encode_frames",
    "image_size",
    "measure_delay",
    "probe",
    "read_image",
    "read_sound",
    "reading",
    "sound_origin",
    "through_aac",
    "write_chunks",
    "write_video",
]
