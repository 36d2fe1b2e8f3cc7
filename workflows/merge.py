"""Merge datasets of one configuration into one.

python -m workflows.merge data/may data/june --output data/both
python -m workflows.merge s3://bucket/may s3://bucket/june --output s3://bucket/both
"""

from typing import Annotated

import tyro

from infra import storage
from workflows.cli import command
from workflows.cli.progress import ProgressLine


def merge(
    datasets: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="DATASET DATASET ...", help_behavior_hint="(required)"),
    ],
    output: str,
) -> None:
    """Merge datasets that were prepared with the same options; the same command finishes what was interrupted.

    A recording that several of them have is taken from the first, as are videos of the same name. Splits stay, as they are by
    recording. The merged datasets and the video files stay where they are.

    Args:
        datasets: Two or more datasets that workflows.prepare made.
        output: Folder of the new dataset.
    """
    from datasets.editing.merge import merge_datasets
    from infra.tracking import ending, start_run
    from workflows.prepare.summary import log_preparation, summarize_card

    folders = [storage.resolve(name, field="DATASETS") for name in datasets]
    target = storage.resolve(output, field="--output")
    storage.remove_abandoned(target)
    progress = ProgressLine()
    merged = merge_datasets(folders, target, progress=progress)
    progress.close()
    with ending(start_run("prepare", name=target.rsplit("/", 1)[-1], tags={"stage": "merge"})) as run:
        log_preparation(run, target, merged.card, source=", ".join(folders), preset="")
    if merged.copies:
        print(
            f"once     {len(merged.copies)} videos whose recording an earlier dataset has, such as '{merged.copies[0]}'"
        )
    if merged.namesakes:
        print(f"left out {len(merged.namesakes)} other videos of a name that is taken, such as '{merged.namesakes[0]}'")
    print(summarize_card(target, merged.card))


def main() -> None:
    """Parse the command line and merge."""
    command.parse(merge)


if __name__ == "__main__":
    command.run(main)
