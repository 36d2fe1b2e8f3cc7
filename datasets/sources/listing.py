"""What --source may be: a folder, an official catalog, a table of one's own, or the built-in scenes."""

import dataclasses
import functools
import json
import os
from typing import Any

import ray.data

from datasets.card import write_config
from datasets.config import PreparationConfig
from datasets.preparation.scheduling import all_processors
from datasets.scenes.wild.traits import Trait
from datasets.sources import catalog, folder, synthetic, table
from datasets.sources.classes import keep_classes
from datasets.sources.source import Source, source_from_dict
from datasets.sources.splits import SplitRule, assign_splits
from datasets.sources.synthetic import SceneLabel, SceneLevel
from datasets.tables.licenses import MADE_HERE, record_licenses
from infra import storage
from infra.errors import InputError, refuse_outside
from infra.progress import Progress, Say, silent, unsaid

SYNTHETIC = "synthetic"
_CATALOG_ENDINGS = (".csv", ".tsv", ".json")
_BLOCK_SCENES = 32


def list_sources(
    source: str,
    *,
    video_root: str | None,
    classes: tuple[str, ...],
    columns: tuple[str, ...] = (),
    split: SplitRule = "official",
    say: Say = unsaid,
) -> tuple[list[Source], list[dict[str, Any]]]:
    """Return the videos of a folder or catalog, or what a table lists, and error rows for what is missing, doubled or has no name in UTF-8.

    Args:
        source: folder, catalog or table.
        video_root: folder of the files that a catalog or table names; a table's own if not given.
        classes: only these labels, or all.
        columns: NAME=COLUMN for a table's columns under other names.
        split: which splits the videos are in.
        say: told what is left out, in lines.

    Raises:
        InputError: If there is nothing, or none of the classes.
    """
    if table.is_table(source, columns):
        root = storage.resolve(video_root, field="--video-root") if video_root else os.path.dirname(source)
        sources, missing = table.index(source, root, columns, say=say)
        sources = keep_classes(sources, classes, place=source)
    elif columns:
        raise InputError(f"--columns: '{source}' is no table; give a file that ends in {', '.join(table.ENDINGS)}")
    elif source.lower().endswith(_CATALOG_ENDINGS):
        if storage.exists(source) and video_root is None:
            raise InputError(f"--video-root: missing; say where the videos of the catalog '{source}' are")
        root = storage.resolve(video_root, field="--video-root") if video_root else ""
        sources, missing = catalog.index(source, root, classes=classes, say=say)
    else:
        sources, missing = folder.index(source, say=say)
        sources = keep_classes(sources, classes, place=source)
    missing += [_unnamable(item) for item in sources if not storage.is_utf8(item.path + item.image)]
    sources = [item for item in sources if storage.is_utf8(item.path + item.image)]
    return assign_splits(sources, split, say=say), missing


def render_scenes(
    dataset: str,
    *,
    num_videos: int,
    level: SceneLevel,
    config: PreparationConfig,
    null: bool = False,
    without: tuple[Trait, ...] = (),
    tag_noise: float = 0.0,
    label_by: SceneLabel = "kind",
    progress: Progress = silent,
) -> list[Source]:
    """Return `num_videos` synthetic videos as files below the dataset.

    Wild scenes may go without some traits. A scene lasts a clip, the longest shift and a second more. With `null` each has another scene's sound.
    Scenes that are there stay; so that they fit, the configuration is on record before the first.
    Each tag is with the probability `tag_noise` a wrong one; scenes are labeled by what strikes, or by what is heard.
    """
    refuse_outside("tag_noise", tag_noise, 0, 1)
    videos = storage.join(dataset, "videos")
    if storage.is_remote(videos):
        raise InputError(f"--output: '{dataset}' is in S3; synthetic videos need a local folder")
    write_config(dataset, config)
    render = functools.partial(
        _render,
        folder=videos,
        level=level,
        without=without,
        seed=config.seed,
        seconds=config.clip_seconds + config.max_shift_seconds + 1,
        frame_rate=config.frame_rate,
        size=config.size,
        sample_rate=config.sample_rate,
        foreign=num_videos if null else None,
        tag_noise=tag_noise,
        label_by=label_by,
    )
    blocks = max(1, min(num_videos, num_videos // _BLOCK_SCENES))
    scenes = ray.data.range(num_videos, override_num_blocks=blocks)
    stream = all_processors(scenes.map(render), name="rendering")
    sources = []
    for row in stream.iter_rows():
        sources.append(source_from_dict(json.loads(row["scene"])))
        progress("rendering", len(sources), num_videos)
    sources.sort(key=lambda source: source.path)
    record_licenses(dataset, {source.video_id: MADE_HERE for source in sources})
    return sources


def _unnamable(source: Source) -> dict[str, Any]:
    detail = "rename the file, or the folder it lies in"
    return {"source": storage.shown(source.place), "stage": "index", "reason": "name is not UTF-8", "detail": detail}


def _render(row: dict[str, Any], *, folder: str, foreign: int | None, **options: Any) -> dict[str, str]:
    index = int(row["id"])
    sound_index = None if foreign is None else index + foreign
    source = synthetic.render(index, folder, sound_index=sound_index, **options)
    return {"scene": json.dumps(dataclasses.asdict(source))}
