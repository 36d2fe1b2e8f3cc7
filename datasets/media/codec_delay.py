"""Codec delay: how far apart sound and picture come back, by clicks and flashes at the same moments through a container and its codecs."""

import os
import tempfile
from pathlib import Path
from typing import NamedTuple, cast

import av
import av.error
import numpy as np

from datasets.media.cut import Window, cut
from datasets.media.encode import sound_frame
from datasets.media.probe import MediaError, find_streams, open_media, probe, reading, said_by
from datasets.media.timeline import BOTH, PICTURE, SOUND

_SAMPLE_RATE = 48000
_FRAME_RATE = 30
_SIDE = 64
_SECONDS = 6.0
_OVERSAMPLING = 8
_EVENTS = (1.0, 2.2, 3.4, 4.6)
"""Seconds, each the beginning of a frame."""
_CLICK_SECONDS = 0.004
_SEARCH_SECONDS = 0.5
_ENCODERS = {
    "h264": "libx264",
    "hevc": "libx265",
    "vp8": "libvpx",
    "vp9": "libvpx-vp9",
    "mp3": "libmp3lame",
    "mp3float": "libmp3lame",
    "opus": "libopus",
    "vorbis": "libvorbis",
}


class Coding(NamedTuple):
    """Container and codecs of a file, by their FFmpeg names."""

    container: str
    video: str
    audio: str


@reading("probe")
def coding_of(path: str | os.PathLike[str]) -> Coding:
    """Return how a file is coded.

    Raises:
        MediaError: If it cannot be opened or lacks picture or sound.
    """
    with open_media(path, "probe") as container:
        found = find_streams(container, "probe", needs=BOTH)
        name = container.format.name.split(",")[0]
        codecs = [found[kind].codec_context.name for kind in (PICTURE, SOUND)]
        return Coding("mp4" if name == "mov" else name, *codecs)


def measure_codec_delay(coding: Coding) -> float:
    """Return by how many seconds sound comes back after picture: the mean over four clicks and flashes.

    Raises:
        MediaError: If FFmpeg cannot write this coding.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clicks"
        try:
            _write(path, coding)
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError("codec delay", "cannot write", f"{'/'.join(coding)}: {said_by(error)}") from None
        start = 0.5
        window = Window(start_seconds=start, sound_start_seconds=start)
        # Finer than the frames: what is measured is the decoder's delay, not the rounding to frames.
        fine_rate = _OVERSAMPLING * _FRAME_RATE
        ((_, frames, sound, _),) = cut(
            path,
            [window],
            line=probe(path),
            clip_seconds=_SECONDS - 1,
            frame_rate=fine_rate,
            size=_SIDE,
            sample_rate=_SAMPLE_RATE,
        )
    bright = frames.mean(axis=(1, 2, 3))
    return float(np.mean([_heard(sound, at - start) - _seen(bright, at - start, fine_rate) for at in _EVENTS]))


def _seen(bright: np.ndarray, at: float, frame_rate: float) -> float:
    low, high = (max(0, round((at + side * _SEARCH_SECONDS) * frame_rate)) for side in (-1, 1))
    near = bright[low:high]
    return (low + int(np.argmax(near > 0.5 * near.max()))) / frame_rate


def _heard(sound: np.ndarray, at: float) -> float:
    low, high = (max(0, round((at + side * _SEARCH_SECONDS) * _SAMPLE_RATE)) for side in (-1, 1))
    near = np.abs(sound[low:high])
    return (low + int(np.argmax(near > 0.5 * near.max()))) / _SAMPLE_RATE


def _write(path: Path, coding: Coding) -> None:
    flashes = {round(at * _FRAME_RATE) for at in _EVENTS}
    waveform = np.zeros(round(_SECONDS * _SAMPLE_RATE), np.float32)
    for at in _EVENTS:
        first = round(at * _SAMPLE_RATE)
        waveform[first : first + round(_CLICK_SECONDS * _SAMPLE_RATE)] = 0.8
    with av.open(str(path), "w", format=coding.container) as container:
        video = cast(av.VideoStream, container.add_stream(_ENCODERS.get(coding.video, coding.video), rate=_FRAME_RATE))
        video.options = {"x265-params": "log-level=none"} if coding.video == "hevc" else {}
        video.width = video.height = _SIDE
        video.pix_fmt = "yuv420p"
        audio = cast(av.AudioStream, container.add_stream(_ENCODERS.get(coding.audio, coding.audio), rate=_SAMPLE_RATE))
        for number in range(round(_SECONDS * _FRAME_RATE)):
            picture = np.full((_SIDE, _SIDE, 3), 255 if number in flashes else 0, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
        container.mux(audio.encode(sound_frame(waveform, _SAMPLE_RATE, 0)))
        container.mux(audio.encode(None))
