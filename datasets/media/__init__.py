"""Demuxing, decoding and encoding; the only place that knows PyAV.

All times are seconds since `MediaInfo.origin_seconds`: the earliest presented time stamp of picture and sound, as players count.
"""

from datasets.media.calibrate import Coding, coding_of, measure_delay
from datasets.media.cut import Window, cut, read_sound
from datasets.media.encode import decode_frames, decode_into, encode_frames, write_chunks, write_video
from datasets.media.probe import MediaError, MediaInfo, display_size, probe, reading, sound_origin
from datasets.media.recode import through_aac

__all__ = [
    "Coding",
    "MediaError",
    "MediaInfo",
    "Window",
    "coding_of",
    "cut",
    "decode_frames",
    "decode_into",
    "display_size",
    "encode_frames",
    "measure_delay",
    "probe",
    "read_sound",
    "reading",
    "sound_origin",
    "through_aac",
    "write_chunks",
    "write_video",
]
