"""Windows cut as a preparation says: the whole picture as a square, or the mouth of a face."""

import os
from collections.abc import Collection, Iterator, Sequence

from datasets.clips.mouths import SEEN_SIZE, mouth_frames
from datasets.config import PreparationConfig
from datasets.media import BOTH, Clip, Timeline, Window, cut
from datasets.media.convert import Pixels


def cut_prepared(
    path: str | os.PathLike[str],
    windows: Sequence[Window],
    *,
    line: Timeline,
    preparation: PreparationConfig,
    pixels: Pixels = "rgb24",
    needs: Collection[str] = BOTH,
) -> Iterator[Clip]:
    """Yield the windows as each is complete; see `datasets.media.cut`.

    Raises:
        MediaError: If a window cannot be completed, or shows no face whose mouth is wanted.
    """
    mouth = preparation.fit == "mouth"
    clips = cut(
        path,
        windows,
        line=line,
        clip_seconds=preparation.clip_seconds,
        frame_rate=preparation.frame_rate,
        size=SEEN_SIZE if mouth else preparation.size,
        sample_rate=preparation.sample_rate,
        pixels=pixels,
        fit="pad" if mouth else preparation.fit,
        needs=needs,
    )
    for clip in clips:
        if mouth:
            frames = mouth_frames(clip.frames, frame_rate=preparation.frame_rate, size=preparation.size)
            clip = clip._replace(frames=frames)
        yield clip
        del clip  # what was cut must not stay while the next window is decoded
