"""Remove videos from a dataset, in place.

python -m workflows.remove data/clips --video talks/first.mp4
python -m workflows.remove data/clips --video talks/first.mp4 talks/second.mp4
"""

from typing import Annotated

import tyro

from infra import storage
from infra.errors import InputError
from workflows.cli import command
from workflows.cli.progress import ProgressLine


def remove(dataset: Annotated[str, tyro.conf.Positional], video: tuple[str, ...]) -> None:
    """Remove videos from a dataset; the same command finishes what was interrupted.

    Their clips, boxes and places in the plan go, the others' clips stay as they are. A later prepare leaves them out, unless it is
    told to --restore them. The video files are not touched. A run that is training on the dataset stops with an error.

    Args:
        dataset: Dataset that workflows.prepare made.
        video: video_id of each, as in the column of that name: a video's path below its folder, or its name in the catalog.
    """
    from datasets.editing.remove import remove_videos
    from infra.tracking import ending, start_run
    from workflows.prepare.summary import log_preparation, summarize_card

    if not video:
        raise InputError("--video: missing; give the video_id of one or more")
    folder = storage.resolve(dataset, field="DATASET")
    storage.remove_abandoned(folder)
    progress = ProgressLine()
    removal = remove_videos(folder, video, progress=progress)
    progress.close()
    if removal.num_shards:
        with ending(start_run("prepare", name=folder.rsplit("/", 1)[-1], tags={"stage": "remove"})) as run:
            log_preparation(run, folder, removal.card, source=f"without {', '.join(video)}", preset="")
    print(f"removed  {removal.num_videos} videos, {removal.num_shards} shards written again")
    for name in removal.absent:
        print(f"absent   '{name}' was removed before")
    print(summarize_card(folder, removal.card))


def main() -> None:
    """Parse the command line and remove."""
    command.parse(remove)


if __name__ == "__main__":
    command.run(main)
