"""What a user asked for in a folder of theirs: no file is replaced that this program did not write itself.

Each such folder keeps a record of the files that were written there, with their sizes and times: what was put there or changed by
somebody else is told from it.
"""

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path

from infra import storage
from infra.errors import InputError

RECORD = ".sensorium-outputs.json"
RUN_MARK = "run_id"
"""A file that every run's folder has: all in such a folder is this program's own."""
_BEGUN = "begun"


@contextlib.contextmanager
def writing(folder: str, names: Collection[str], *, option: str = "--output") -> Iterator[None]:
    """Have the block write files of these names into a folder.

    Raises:
        InputError: Before the block, if one of the names is a file that this program did not write.
    """
    record = storage.join(folder, RECORD)
    known = _read(record)
    own = storage.exists(storage.join(folder, RUN_MARK))
    for name in () if own else names:
        state = storage.state(storage.join(folder, name))
        if state and known.get(name) not in (state, _BEGUN):
            raise InputError(
                f"{option}: '{storage.join(folder, name)}' is there and was not written by this program; give another folder"
            )
    made = (
        []
        if storage.is_remote(folder)
        else [path for path in (Path(folder), *Path(folder).parents) if not path.exists()]
    )
    storage.write_json(record, known | dict.fromkeys(names, _BEGUN))
    try:
        yield
    finally:
        others = {name: state for name, state in _read(record).items() if name not in names}
        written = {name: state for name in names if (state := storage.state(storage.join(folder, name)))}
        if others or written:
            storage.write_json(record, others | written)
        else:
            storage.remove(record)
            for path in made:
                storage.remove_if_empty(str(path))


def _read(record: str) -> dict[str, str]:
    return storage.read_json(record) if storage.exists(record) else {}


def refuse_foreign(folder: str, *marks: str, option: str = "--output") -> None:
    """Refuse a folder that is to hold a dataset or a run where it holds files, but none of the marks that ours have.

    Raises:
        InputError: Naming one of the files.
    """
    if any(storage.exists(storage.join(folder, mark)) for mark in marks):
        return
    found = next(iter(storage.list_files(folder)), None)
    if found is not None:
        raise InputError(f"{option}: '{folder}' holds other files, such as '{found}'; give a new or an empty folder")


def output_stems(paths: list[str]) -> list[str]:
    """Return the names that the videos' outputs begin with: the file's, with its folder's before it where two share it."""
    plain = [Path(path).stem for path in paths]
    return [
        stem if plain.count(stem) == 1 else f"{Path(path).parent.name}_{stem}_{number}"
        for number, (path, stem) in enumerate(zip(paths, plain, strict=True), start=1)
    ]
