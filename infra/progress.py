"""What long work tells people while it goes on: how far it is, and lines of what it leaves out; or nothing."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the stage, how many are done and how many there are."""

Say = Callable[[str], object]
"""Called with a line for people to read, such as `print`."""


def silent(stage: str, done: int, total: int) -> None:
    """Show no progress."""


def unsaid(line: str) -> None:
    """Say nothing."""
