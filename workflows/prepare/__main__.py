"""Prepare a dataset of clips from videos, sounds, still pictures or texts.

python -m workflows.prepare --source videos --output data/videos
python -m workflows.prepare --source catalog.csv --video-root videos --output data/catalog --preset demo
python -m workflows.prepare --source synthetic --output data/scenes --preset demo --num-videos 100
"""

import dataclasses
from typing import Annotated, Any

import tyro

from datasets.config import PreparationConfig
from datasets.presets import PRESETS
from datasets.sources.splits import SplitRule, assign_splits
from datasets.sources.synthetic import SceneOptions
from datasets.tables.offsets import OffsetScreen, read_offset_screen
from infra.outputs import refuse_foreign
from workflows.cli import command
from workflows.cli.progress import ProgressLine


def main() -> None:
    """Parse the command line and prepare."""
    preset_name = command.peek("--preset", "published")
    defaults = command.choose(PRESETS, preset_name, option="--preset")

    def prepare(
        source: str,
        output: str,
        config: Annotated[PreparationConfig, tyro.conf.arg(name="")] = defaults,
        preset: Annotated[str, tyro.conf.arg(metavar=command.choices(PRESETS))] = preset_name,
        video_root: str | None = None,
        columns: tuple[str, ...] = (),
        classes: tuple[str, ...] = (),
        split: SplitRule = "official",
        scenes: tyro.conf.OmitArgPrefixes[SceneOptions] = SceneOptions(),
        num_workers: int | None = None,
        licenses: str | None = None,
        offsets: str | None = None,
        max_offset_ms: float | None = None,
        restore: bool = False,
        dry_run: bool = False,
    ) -> None:
        """Cut clips from videos, in pairs that are in and out of sync, into Parquet shards.

        Args:
            source: Folder of videos, official catalog (CSV, TSV, JSON), a table (CSV, TSV, JSONL, Parquet) of files and texts, or `synthetic`.
            output: Folder of the dataset; a second run adds what is new.
            config: How clips are cut and stored.
            preset: Defaults of all other options: published, demo or sounds.
            video_root: Folder of the files that a catalog or a table names; a table's own folder if not given.
            columns: NAME=COLUMN for columns of a table that are called otherwise, such as label=class.
            classes: Only these labels; `kinetics-sounds` stands for the 31 of Kinetics-Sounds.
            split: Splits as the catalog or table gives them (official), all by a hash of the recording (hash), or one for all videos.
            scenes: Which synthetic scenes are rendered.
            num_workers: Tasks at once; all processors if not given.
            licenses: CSV table of path and license, counted on the dataset's card and on those of its models.
            offsets: Folder of answers of workflows.offset about the sources; --max-offset-ms screens by it.
            max_offset_ms: Leave out sources whose sound is later or earlier than this, such as 200; those of which it cannot be told stay.
            restore: Also bring back videos that workflows.remove took out.
            dry_run: Only say what would be done.
        """
        listed = {"video_root": video_root, "classes": classes, "columns": columns, "split": split}
        given = {"preset": preset, "num_workers": num_workers, "licenses": licenses}
        screen = read_offset_screen(offsets, max_offset_ms)
        _prepare(source, output, config, scenes, listed, **given, screen=screen, restore=restore, dry_run=dry_run)

    command.parse(prepare)


def _prepare(
    source: str,
    output: str,
    config: PreparationConfig,
    scenes: SceneOptions,
    listed: dict[str, Any],
    *,
    preset: str,
    num_workers: int | None,
    licenses: str | None,
    screen: OffsetScreen | None,
    restore: bool,
    dry_run: bool,
) -> None:
    """Prepare, recorded as a run, and say what came out; `listed` says how sources are listed."""
    from datasets.card import CONFIG
    from datasets.preparation.attempts import ATTEMPTS
    from datasets.preparation.preparation import Preparation
    from datasets.sources.listing import SYNTHETIC, list_sources, render_scenes
    from datasets.tables.licenses import match_licenses, record_licenses
    from infra import cluster, storage
    from infra.tracking import ending, start_run
    from workflows.prepare.summary import describe_beyond, describe_plan, log_preparation, summarize_card

    dataset = storage.resolve(output, field="--output")
    refuse_foreign(dataset, CONFIG, ATTEMPTS)
    place = source if source == SYNTHETIC else storage.resolve(source, field="--source")
    progress = ProgressLine()
    sources, missing = [], []
    if source != SYNTHETIC:
        sources, missing = list_sources(place, **listed, say=print)
    known = match_licenses(storage.resolve(licenses, field="--licenses"), sources) if licenses else {}
    preparation = Preparation(dataset, config, num_workers=num_workers, progress=progress)
    with cluster.running():
        if source == SYNTHETIC:
            scenery = render_scenes(dataset, config=config, progress=progress, **dataclasses.asdict(scenes))
            sources = assign_splits(scenery, listed["split"])
        preparation.plan(sources, missing=missing, restore=restore, screen=screen)
        for line in describe_beyond(preparation.beyond):
            print(line)
        if dry_run:
            print(describe_plan(preparation))
            return
        storage.remove_abandoned(dataset)
        if known:
            record_licenses(dataset, known)
        with ending(start_run("prepare", name=dataset.rsplit("/", 1)[-1], tags={"stage": "prepare"})) as run:
            card = preparation.run()
            log_preparation(run, dataset, card, source=place, preset=preset)
    progress.close()
    print(summarize_card(dataset, card, preparation.errors, removed=preparation.removed, joined=preparation.joined))


if __name__ == "__main__":
    command.run(main)
