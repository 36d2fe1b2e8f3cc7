"""Synthetic videos as a source: scene number i of a seed, written as a real MP4 file."""

import dataclasses
import functools
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from datasets.media import write_video
from datasets.scenes.captions import describe
from datasets.scenes.scene import Level, Scene, draw_scene
from datasets.scenes.wild.scene import WildScene, draw_wild_scene
from datasets.scenes.wild.traits import Trait, traits_without
from datasets.scenes.wild.words import describe_wild
from datasets.sources.source import Box, Source, Text
from infra.errors import InputError

SceneLevel = Literal["easy", "medium", "hard", "wild"]
"""Strikes in front of ever more that disturbs, or a world that is filmed and recorded as people do."""

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


def wild_scene(
    index: int,
    *,
    seed: int,
    without: tuple[Trait, ...] = (),
    seconds: float = 8.0,
    frame_rate: float = 15.0,
    size: int = 96,
    sample_rate: int = 16000,
) -> WildScene:
    """Wild scene number `index` of a seed, without some traits."""
    entropy = np.random.SeedSequence((seed, index, *b"wild"))
    return draw_wild_scene(
        int(entropy.generate_state(1, np.uint64)[0]),
        traits=traits_without(without),
        seconds=seconds,
        frame_rate=frame_rate,
        size=size,
        sample_rate=sample_rate,
    )


SceneLabel = Literal["kind", "material"]
"""What labels a scene: what is seen to strike, or what it is heard to be made of."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SceneOptions:
    """Which synthetic scenes are rendered."""

    num_videos: int = 800
    """Number of synthetic scenes."""
    level: SceneLevel = "medium"
    """Difficulty of synthetic scenes: easy, medium, hard, or wild (talking heads, sustained sounds and rhythms, as filmed)."""
    without: tuple[Trait, ...] = ()
    """Traits that wild scenes do not have, for an ablation."""
    tag_noise: float = 0.0
    """Probability with which each tag of a synthetic scene is a wrong one."""
    label_by: SceneLabel = "kind"
    """What labels a synthetic scene: what is seen to strike (kind), or what is heard (material)."""


def label_of(drawn: Scene | WildScene, by: SceneLabel = "kind") -> str:
    """Return what is seen to sound (ball, hammer, mallet; wild: head, bow, rub, engine, water; or "off_screen"), or what is heard.

    What is heard is a material (wood, metal, drum, clap), and in wild scenes speech, strings, rubbing, engine, water; of two the louder.
    """
    if isinstance(drawn, WildScene):
        if by == "material":
            return drawn.cast.heard[0].material
        return drawn.boxes[0][0].kind if drawn.boxes else OFF_SCREEN
    if by == "material":
        return drawn.sounds[0].timbre.material
    return OFF_SCREEN if drawn.sounding is None else drawn.strikers[drawn.sounding].kind


def render(
    index: int,
    folder: str,
    *,
    seed: int,
    level: SceneLevel = "medium",
    without: tuple[Trait, ...] = (),
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
        level: easy, medium, hard or wild.
        without: traits that wild scenes do not have.
        seconds: length; at least a window and the longest shift.
        frame_rate: frames per second; wild scenes have rates of film and video instead, if they have the trait `coding`.
        size: height and width in pixels, even (H.264 stores color at half size).
        sample_rate: sound samples per second.
        sound_index: number of the scene that is heard; that which is seen if not given. Another one makes null
            data, whose sound and picture have nothing to do with each other; there are no words about it.
        tag_noise: probability with which each tag is replaced by a wrong one.
        label_by: what labels the scene.

    Raises:
        InputError: an odd size, an unknown level or trait, traits left out of another level, or an empty picture or sound.
    """
    if size % 2:
        raise InputError(f"size: {size} is odd; H.264 needs an even size such as {size + 1}")
    sizes = {"seconds": seconds, "frame_rate": frame_rate, "size": size, "sample_rate": sample_rate}
    draw = functools.partial(_draw, level=level, without=without, seed=seed, **sizes)
    drawn = draw(index)
    video_id = "-".join(("synthetic", level, *(f"no-{name}" for name in sorted(without)), str(seed), f"{index:05d}"))
    Path(folder).mkdir(parents=True, exist_ok=True)
    path = str(Path(folder) / f"{video_id}.mp4")
    if not Path(path).exists():
        heard = drawn if sound_index is None else draw(sound_index)
        crf = drawn.crf if isinstance(drawn, WildScene) else 18
        frames, sound = drawn.frames(), heard.waveform()
        write_video(path, frames, sound, frame_rate=drawn.frame_rate, sample_rate=sample_rate, crf=crf)
    return Source(
        path=path,
        video_id=video_id,
        label=label_of(drawn, label_by),
        catalog_id=video_id,
        boxes=_boxes_of(drawn),
        texts=_texts_of(drawn, tag_noise) if sound_index is None else (),
    )


def _draw(index: int, *, level: SceneLevel, without: tuple[Trait, ...], **options: Any) -> Scene | WildScene:
    if level == "wild":
        return wild_scene(index, without=without, **options)
    if level not in get_args(SceneLevel):
        raise InputError(f"level: {level!r} is unknown; choose one of {', '.join(get_args(SceneLevel))}")
    if without:
        raise InputError(f"without: {' '.join(without)} is for wild scenes; give level wild, or nothing")
    return scene(index, level=level, **options)


def _boxes_of(drawn: Scene | WildScene) -> tuple[Box, ...]:
    if isinstance(drawn, WildScene):
        return tuple(Box(*box, label=thing.kind) for thing, box in drawn.boxes)
    return () if drawn.box is None else (Box(*drawn.box, label=label_of(drawn)),)


def _texts_of(drawn: Scene | WildScene, tag_noise: float) -> tuple[Text, ...]:
    wild = isinstance(drawn, WildScene)
    return tuple(describe_wild(drawn, tag_noise=tag_noise) if wild else describe(drawn, tag_noise=tag_noise))
