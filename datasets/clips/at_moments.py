"""Clips of any video, cut as those of a dataset were."""

import os
from collections.abc import Iterator, Sequence

from datasets.config import PreparationConfig
from datasets.media import Clip, Timeline, Window, cut


def clips_at(
    path: str | os.PathLike[str], moments: Sequence[float], *, line: Timeline, preparation: PreparationConfig
) -> Iterator[Clip]:
    """Yield a clip from each moment on, in seconds, with the sound of the same time.

    Args:
        path: the video.
        moments: when clips begin, in rising order.
        line: what `probe` says of the video.
        preparation: length, frame rate, size, fit and sample rate of the clips.
    """
    return cut(
        path,
        [Window(start_seconds=moment, sound_start_seconds=moment) for moment in moments],
        line=line,
        clip_seconds=preparation.clip_seconds,
        frame_rate=preparation.frame_rate,
        size=preparation.size,
        sample_rate=preparation.sample_rate,
        fit=preparation.fit,
    )
