"""Numbers and times as catalogs and tables write them."""

import math


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
