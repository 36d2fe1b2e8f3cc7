"""Lines of CSV and TSV files in cells: UTF-8 with or without a byte order mark, any line ends, commas or tabs."""

import csv
import io
from collections.abc import Iterator

from infra import storage
from infra.errors import InputError


def read_lines(path: str, *, comment: str = "") -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that are not empty, in cells without outer spaces, with their numbers.

    Args:
        path: the file; `.tsv` has tabs unless its first line has only commas, any other commas unless its first line has only tabs.
        comment: what lines begin with that are left out; none if empty.

    Raises:
        InputError: If it is not UTF-8, or no CSV.
    """
    lines = [
        "\n" if comment and line.startswith(comment) else line for line in io.StringIO(read_text(path), newline="")
    ]
    first = next((line for line in lines if line.strip()), "")
    tabs = "\t" in first if ("\t" in first) != ("," in first) else path.lower().endswith(".tsv")
    reader = csv.reader(lines, delimiter="\t" if tabs else ",", skipinitialspace=True)
    try:
        for cells in reader:
            if any(cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise InputError(f"--source: '{path}' line {reader.line_num}: {error}; mend it") from None


def read_text(path: str) -> str:
    """Return a file of text.

    Raises:
        InputError: If it is not UTF-8.
    """
    try:
        return storage.read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"--source: '{path}' is not UTF-8 at byte {error.start}; save it as UTF-8") from None
