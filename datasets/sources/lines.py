"""Lines of CSV and TSV files in cells, and the numbers and times in cells.

Files are UTF-8 with or without a byte order mark, with any line ends, and with commas or tabs.
"""

import csv
import io
import math
from collections.abc import Iterator

from infra import storage
from infra.errors import InputError


def read_lines(path: str, *, comment: str = "", option: str = "--source") -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that are not empty, in cells without outer spaces, with their numbers.

    Args:
        path: the file; `.tsv` has tabs unless its first line has only commas, any other commas unless its first line has only tabs.
        comment: what lines begin with that are left out; none if empty.
        option: what named the file.

    Raises:
        InputError: If it is not UTF-8, or no CSV.
    """
    lines = [
        "\n" if comment and line.startswith(comment) else line
        for line in io.StringIO(read_text(path, option=option), newline="")
    ]
    first = next((line for line in lines if line.strip()), "")
    tabs = "\t" in first if ("\t" in first) != ("," in first) else path.lower().endswith(".tsv")
    reader = csv.reader(lines, delimiter="\t" if tabs else ",", skipinitialspace=True)
    try:
        for cells in reader:
            if any(cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise InputError(f"{option}: '{path}' line {reader.line_num}: {error}; mend it") from None


def read_text(path: str, *, option: str = "--source") -> str:
    """Return a file of text that an option names.

    Raises:
        InputError: If it is not UTF-8.
    """
    try:
        return storage.read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{option}: '{path}' is not UTF-8 at byte {error.start}; save it as UTF-8") from None


def is_number(value: str) -> bool:
    """Return whether a word is a number."""
    try:
        return not math.isnan(float(value))
    except ValueError:
        return False


def seconds(name: str, value: str | None) -> float | None:
    """Return a time in seconds; none for no word.

    Raises:
        ValueError: If it is no number from 0.
    """
    if not value:
        return None
    if not is_number(value) or not 0 <= float(value) < math.inf:
        raise ValueError(f"{name} '{value}' is no number of seconds from 0")
    return float(value)


def times(start: str | None, end: str | None) -> tuple[float | None, float | None]:
    """Return begin and end of a part of a file, in seconds; none for those that are not given.

    Raises:
        ValueError: If one is no time, or the end is not after the start.
    """
    begin, until = seconds("start", start), seconds("end", end)
    if begin is not None and until is not None and until <= begin:
        raise ValueError(f"end {until:g} is not after start {begin:g}")
    return begin, until
