"""Progress of long work: the type of the callable that shows it, and one that shows nothing."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the stage, how many are done and how many there are."""


def silent(stage: str, done: int, total: int) -> None:
    """Show no progress."""
