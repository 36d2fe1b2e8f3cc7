"""Clips of any video, cut as those of a dataset were."""

import os
from collections.abc import Iterator, Sequence

from datasets.clips.prepared import cut_prepared
from datasets.config import PreparationConfig
from datasets.media import Clip, Timeline, Window


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
    windows = [Window(start_seconds=moment, sound_start_seconds=moment) for moment in moments]
    return cut_prepared(path, windows, line=line, preparation=preparation)
