"""Tell by how much the sound of videos is late or early, and write copies with the sound moved.

python -m workflows.offset --video film.mp4 --output answers --fix mended
python -m workflows.offset --model models:/coincidence@champion --video FOLDER --output answers --num-workers 8
"""

import sys

from workflows.cli import command


def offset(
    video: tuple[str, ...],
    model: str | None = None,
    output: str | None = None,
    fix: str | None = None,
    max_offset_ms: float = 1000.0,
    early_ms: float = 45.0,
    late_ms: float = 125.0,
    num_workers: int = 0,
) -> None:
    """Tell by how much the sound of videos is late or early.

    Offsets are above zero where the sound is late. Exit status: 0 if all are in sync, 1 if one is out of sync, 3 if nothing is out of sync
    but of one it cannot be told, 2 for bad input.

    Args:
        video: Video files, or folders of them.
        model: A coincidence model: models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID, or a folder. Without one, motion is correlated
            with loudness.
        output: Folder for a JSON file and a plot of each video; of several also tables, a histogram and a page that begins with the worst.
        fix: Folder for copies of the videos that are out of sync, with the sound moved; nothing is encoded again.
        max_offset_ms: Largest offset that is tried, in both directions.
        early_ms: How early sound may be and count as in sync; 45 in ITU-R BT.1359.
        late_ms: How late sound may be and count as in sync; 125 in ITU-R BT.1359.
        num_workers: Processes of a Ray cluster that files are spread over; 0 takes them one after another in this process. The same
            command again does only what is missing in --output.
    """
    from infra import storage
    from infra.errors import InputError, refuse_outside
    from workflows.offset.answer import Tolerance
    from workflows.offset.examine import Wanted
    from workflows.offset.files import ask_files

    if not video:
        raise InputError("--video: empty; give one or more video files or folders")
    refuse_outside("--max-offset-ms", max_offset_ms, 50, 10_000)
    refuse_outside("--num-workers", num_workers, 0, 10_000)
    for name, value in (("--early-ms", early_ms), ("--late-ms", late_ms)):
        refuse_outside(name, value, 0, 10_000)
    wanted = Wanted(
        model=model,
        output=None if output is None else storage.resolve(output, field="--output"),
        fix=None if fix is None else storage.resolve(fix, field="--fix"),
        max_offset_seconds=max_offset_ms / 1000,
        tolerance=Tolerance(early_ms=early_ms, late_ms=late_ms),
    )
    sys.exit(ask_files(video, wanted, num_workers=num_workers))


def main() -> None:
    """Parse the command line and tell offsets."""
    command.parse(offset)


if __name__ == "__main__":
    command.run(main)
