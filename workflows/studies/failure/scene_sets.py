"""Three datasets of the same synthetic scenes: pairs, rolled sound, and rolled sound from the head of files with audible priming."""

import dataclasses
from pathlib import Path

from datasets.config import PreparationConfig
from datasets.media import through_aac, write_video
from datasets.preparation.preparation import Preparation
from datasets.presets import PRESETS
from datasets.sources.listing import render_scenes
from datasets.sources.source import Source
from datasets.sources.synthetic import label_of, scene
from infra import storage

SETS = ("pairs", "roll", "roll, file start")
_ROLLS_PER_VIDEO = 2


def prepare_sets(folder: str, *, num_videos: int, seed: int) -> dict[str, tuple[str, PreparationConfig]]:
    """Return dataset and configuration by name; what is there already is kept. Needs a running cluster."""
    pairs = dataclasses.replace(PRESETS["demo"], pairs_per_video=1, validation_share=0.0, test_share=0.2, seed=seed)
    rolled = dataclasses.replace(
        pairs, label_mode="roll", pairs_per_video=_ROLLS_PER_VIDEO, max_shift_seconds=pairs.clip_seconds / 2
    )
    places = {name: storage.join(folder, name.replace(", ", "-").replace(" ", "-")) for name in SETS}
    scenes = render_scenes(places["pairs"], num_videos=num_videos, level="medium", config=pairs)
    heads = _render_heads(storage.join(places["roll, file start"], "videos"), num_videos, rolled)
    sets = dict(zip(SETS, ((scenes, pairs), (scenes, rolled), (heads, rolled)), strict=True))
    for name, (sources, config) in sets.items():
        preparation = Preparation(places[name], config)
        preparation.plan(sources)
        preparation.run()
    return {name: (places[name], config) for name, (_, config) in sets.items()}


def _render_heads(folder: str, num_videos: int, config: PreparationConfig) -> list[Source]:
    """Return videos that last one clip, their sound once stored as AAC and read without its edit list."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    sources = []
    for number in range(num_videos):
        path = Path(folder) / f"head-{number:05d}.mp4"
        drawn = scene(
            number,
            seed=config.seed,
            seconds=config.clip_seconds,
            frame_rate=config.frame_rate,
            size=config.size,
            sample_rate=config.sample_rate,
        )
        if not path.exists():
            sound = through_aac(drawn.waveform(), sample_rate=config.sample_rate, container="adts")
            write_video(path, drawn.frames(), sound, frame_rate=config.frame_rate, sample_rate=config.sample_rate)
        # The scene's own name, so that it falls into the same split in every set.
        name = f"synthetic-medium-{config.seed}-{number:05d}"
        sources.append(Source(path=str(path), video_id=path.stem, label=label_of(drawn), catalog_id=name))
    return sources
