"""Videos leave a dataset: their rows and their places in the plan; its table of recordings keeps them from coming back."""

import dataclasses
import difflib
from collections.abc import Collection, Sequence
from typing import Any

from datasets.card import read_card
from datasets.config import PreparationConfig
from datasets.editing.rewrite import finish_rewrites, refresh_card
from datasets.preparation.markers import list_markers
from datasets.preparation.plan import (
    Shard,
    append_plan,
    planned_videos,
    read_plan,
    read_planned,
    read_shard,
    read_whole_plan,
    retired_shards,
)
from datasets.preparation.shards import PlannedShard, name_shard
from datasets.tables.recordings import read_recordings
from infra.errors import InputError
from infra.progress import Progress, silent


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """What a removal came to."""

    card: dict[str, Any]
    num_videos: int
    num_shards: int
    absent: list[str]
    """Videos that were removed before."""


def remove_videos(dataset: str, videos: Sequence[str], *, progress: Progress = silent) -> Removal:
    """Remove videos from a dataset in place; one that was interrupted is finished first.

    Raises:
        InputError: If a video is not in the dataset, none would be left, or the dataset is not finished.
    """
    before = read_card(dataset, option="DATASET")
    config = PreparationConfig.from_dict(before["config"])
    shards = read_plan(dataset)
    planned = set(planned_videos(shards).to_pylist())
    absent = sorted(set(videos) - planned)
    _refuse_unknown(dataset, absent, planned)
    num_shards = finish_rewrites(dataset, progress=progress)
    wanted = set(videos) & planned
    if wanted == planned:
        raise InputError(f"--video: these are all videos of '{dataset}'; remove the folder instead")
    append_plan(dataset, _replacements(dataset, shards, wanted, config))
    num_shards += finish_rewrites(dataset, progress=progress)
    card = refresh_card(dataset, config, before["seconds_by_operator"])
    return Removal(card=card, num_videos=len(wanted), num_shards=num_shards, absent=absent)


def refuse_unfinished(dataset: str, shards: Sequence[Shard], *, option: str) -> None:
    """Refuse a dataset whose planned shards do not all stand.

    Raises:
        InputError: If there is no plan, or a shard without a marker.
    """
    if not shards:
        raise InputError(f"{option}: '{dataset}' has no plan; it was not made by workflows.prepare")
    standing = list_markers(dataset)
    missing = [shard for shard in shards if shard.shard_id not in standing]
    if missing:
        raise InputError(
            f"{option}: '{dataset}' has {len(missing)} of {len(shards)} shards still to be made; "
            "run workflows.prepare again with the same options"
        )


def _refuse_unknown(dataset: str, absent: Collection[str], planned: Collection[str]) -> None:
    unknown = sorted(set(absent) - _known(dataset))
    if unknown:
        near = difflib.get_close_matches(unknown[0], planned, n=1, cutoff=0.0)
        raise InputError(f"--video: '{unknown[0]}' is not in '{dataset}'; give a video_id of it, such as '{near[0]}'")


def _replacements(
    dataset: str, shards: Sequence[Shard], videos: Collection[str], config: PreparationConfig
) -> list[PlannedShard]:
    """Return what stands for the shards that hold some of the videos."""
    refuse_unfinished(dataset, shards, option="DATASET")
    retired = retired_shards(read_whole_plan(dataset))
    rows = read_planned(shards, ["shard_id", "video_id"]).to_pydict()
    losing = {name for name, video in zip(rows["shard_id"], rows["video_id"], strict=True) if video in videos}
    replacements = []
    for shard in (shard for shard in shards if shard.shard_id in losing):
        kept = [source for source in read_shard(shard).sources if source.video_id not in videos]
        replacements.append(name_shard(config.fingerprint, shard.split, kept, retired=retired, replaces=shard.shard_id))
    return replacements


def _known(dataset: str) -> set[str]:
    return set(read_recordings(dataset, ["video_id"])["video_id"].to_pylist())
