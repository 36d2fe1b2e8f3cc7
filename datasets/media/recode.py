"""A sound through AAC and back, with or without the encoder's priming."""

import io
from typing import Literal

import av
import numpy as np

from datasets.media.encode import sound_frame

BIT_RATE = 64000


def through_aac(waveform: np.ndarray, *, sample_rate: int, container: Literal["mp4", "adts"]) -> np.ndarray:
    """Return a sound float32 (samples,) as it comes back from an AAC file of its own, of the same length.

    Args:
        waveform: the sound, (samples,) in [-1, 1].
        sample_rate: samples per second.
        container: `mp4` has an edit list, by which the decoder drops the encoder's priming; `adts` has none, so that the sound begins
            after 1,024 samples of near silence and its end is lost.
    """
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream("aac", rate=sample_rate, layout="mono")
        stream.bit_rate = BIT_RATE
        output.mux(stream.encode(sound_frame(waveform, sample_rate, 0)))
        output.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r", format=container if container == "mp4" else "aac") as source:
        pieces = [piece.to_ndarray()[0] for piece in source.decode(audio=0)]
    decoded = np.concatenate(pieces)[: len(waveform)]
    return np.pad(decoded, (0, len(waveform) - len(decoded)))
