"""Synthetic videos as a source: scene number i of a seed, written as a real MP4 file."""

import functools
from pathlib import Path
from typing import Literal

import numpy as np

from datasets.media import write_video
from datasets.scenes.captions import describe
from datasets.scenes.scene import Level, Scene, draw_scene
from datasets.sources.source import Box, Source
from infra.errors import InputError

OFF_SCREEN = "off_screen"
"""Label of a scene whose sounding thing is not seen."""


def scene(
    index: int,
    *,
    seed: int,
    level: Level = "medium",
    seconds: float = 8.0,
    frame_rate: float = 15.0,
    size: int = 96,
    sample_rate: int = 16000,
) -> Scene:
    """Scene number `index` of a seed; other numbers, seeds and levels give unrelated scenes."""
    entropy = np.random.SeedSequence((seed, index, *level.encode()))
    return draw_scene(
        int(entropy.generate_state(1, np.uint64)[0]),
        level=level,
        seconds=seconds,
        frame_rate=frame_rate,
        size=size,
        sample_rate=sample_rate,
    )


SceneLabel = Literal["kind", "material"]
"""What labels a scene: what is seen to strike, or what it is heard to be made of."""


def label_of(drawn: Scene, by: SceneLabel = "kind") -> str:
    """Return what strikes (ball, hammer, mallet, or "off_screen"), or the material that sounds (wood, metal, drum, clap)."""
    if by == "material":
        return drawn.sounds[0].timbre.material
    return OFF_SCREEN if drawn.sounding is None else drawn.strikers[drawn.sounding].kind


def render(
    index: int,
    folder: str,
    *,
    seed: int,
    level: Level = "medium",
    seconds: float = 8.0,
    frame_rate: float = 15.0,
    size: int = 96,
    sample_rate: int = 16000,
    sound_index: int | None = None,
    tag_noise: float = 0.0,
    label_by: SceneLabel = "kind",
) -> Source:
    """The written video as a source, with the box of what sounds, none where that is off screen, and with what is true of it in words.

    The label is for per-class tables, or to be learned; it tells nothing about sync.

    Args:
        index: number of the scene, from 0.
        folder: local folder for the MP4 file, made if it does not exist.
        seed: the seed of the whole set.
        level: easy, medium or hard.
        seconds: length; at least a window and the longest shift.
        frame_rate: frames per second.
        size: height and width in pixels, even (H.264 stores color at half size).
        sample_rate: sound samples per second.
        sound_index: number of the scene that is heard; that which is seen if not given. Another one makes null
            data, whose sound and picture have nothing to do with each other; there are no words about it.
        tag_noise: probability with which each tag is replaced by a wrong one.
        label_by: what labels the scene.

    Raises:
        InputError: an odd size, an unknown level, or an empty picture or sound.
    """
    if size % 2:
        raise InputError(f"size: {size} is odd; H.264 needs an even size such as {size + 1}")
    draw = functools.partial(
        scene,
        seed=seed,
        level=level,
        seconds=seconds,
        frame_rate=frame_rate,
        size=size,
        sample_rate=sample_rate,
    )
    drawn = draw(index)
    video_id = f"synthetic-{level}-{seed}-{index:05d}"
    Path(folder).mkdir(parents=True, exist_ok=True)
    path = str(Path(folder) / f"{video_id}.mp4")
    if not Path(path).exists():
        heard = drawn if sound_index is None else draw(sound_index)
        write_video(path, drawn.frames(), heard.waveform(), frame_rate=frame_rate, sample_rate=sample_rate)
    label, kind = label_of(drawn, label_by), label_of(drawn)
    texts = tuple(describe(drawn, tag_noise=tag_noise)) if sound_index is None else ()
    boxes = () if drawn.box is None else (Box(*drawn.box, label=kind),)
    return Source(path=path, video_id=video_id, label=label, catalog_id=video_id, boxes=boxes, texts=texts)
