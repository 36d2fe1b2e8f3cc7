"""Show what a dataset holds, how its files are laid out, and what is wrong with it.

python -m workflows.inspect data/demo
python -m workflows.inspect data/demo --num-clips 48 --output sheets
"""

import dataclasses
import os
import sys
from typing import Annotated

import tyro

from infra import storage
from infra.errors import InputError
from infra.outputs import writing
from workflows.cli import command
from workflows.cli.progress import ProgressLine

_SHEET = "contact_sheet.png"


def inspect(
    dataset: Annotated[str, tyro.conf.Positional],
    output: str | None = None,
    num_clips: int = 24,
) -> None:
    """Look through a dataset, or any folder of Parquet files; exits with status 1 where a flag is an error.

    Writes nothing into the dataset. Errors are what training would stumble over or learn wrongly from, warnings cost space or time.

    Args:
        dataset: Dataset that workflows.prepare made, or another folder of Parquet files.
        output: Folder for contact_sheet.png; runs/inspect/NAME if not given.
        num_clips: Clips on the contact sheet, of all classes in turn.
    """
    from datasets.doctor import examine, read_samples
    from workflows.inspect.contact_sheet import contact_sheet
    from workflows.inspect.summary import describe_examination

    if num_clips < 1:
        raise InputError(f"--num-clips: {num_clips} is too few; give 1 or more")
    folder = storage.resolve(dataset, field="DATASET")
    place = output or os.path.join("runs", "inspect", os.path.basename(folder))
    target = storage.resolve(place, field="--output")
    with writing(target, [_SHEET]):
        progress = ProgressLine()
        found = examine(folder, progress=progress)
        samples, undecodable = read_samples(found, count=num_clips)
        progress.close()
        found = dataclasses.replace(found, flags=sorted([*found.flags, *undecodable]))
        print(describe_examination(found))
        if samples:
            storage.write_bytes(storage.join(target, _SHEET), contact_sheet(samples))
            print(f"\nsheet    {storage.join(target, _SHEET)}")
    if found.num_errors:
        sys.exit(1)


def main() -> None:
    """Parse the command line and look."""
    command.parse(inspect)


if __name__ == "__main__":
    command.run(main)
