"""Demuxing, decoding and encoding; the only place that knows PyAV.

All times are seconds on a file's `Timeline`, which begins with the first time stamp of picture and sound that is shown.
"""

from datasets.media.codec_delay import Coding, coding_of, measure_codec_delay
from datasets.media.cut import Clip, Window, cut, read_sound
from datasets.media.encode import decode_frames, decode_into, encode_frames, write_chunks, write_video
from datasets.media.listen import Listener
from datasets.media.probe import MediaError, coded_size, display_size, frame_seconds, probe, reading
from datasets.media.recode import through_aac
from datasets.media.remux import CONTAINERS as MENDED_CONTAINERS
from datasets.media.remux import move_sound
from datasets.media.still import decode_image, image_size, read_image
from datasets.media.timeline import BOTH, PICTURE, SOUND, Span, Timeline, intersection, length, timeline_from_dict

__all__ = [
    "BOTH",
    "MENDED_CONTAINERS",
    "PICTURE",
    "SOUND",
    "Clip",
    "Coding",
    "Listener",
    "MediaError",
    "Span",
    "Timeline",
    "Window",
    "coded_size",
    "coding_of",
    "cut",
    "decode_frames",
    "decode_image",
    "decode_into",
    "display_size",
    "encode_frames",
    "frame_seconds",
    "image_size",
    "intersection",
    "length",
    "measure_codec_delay",
    "move_sound",
    "probe",
    "read_image",
    "read_sound",
    "reading",
    "through_aac",
    "timeline_from_dict",
    "write_chunks",
    "write_video",
]
