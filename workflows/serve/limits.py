"""Limits of the page, and the sentence for a file above one of them."""

import dataclasses
import errno

from datasets.media import Timeline, coded_size, probe

NO_SPACE = "The disk of the server is full. Try again later, or choose a smaller video."
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error says that nothing more can be written."""
    return isinstance(error, OSError) and error.errno in _DISK_FULL


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What is taken, how long it is worked on and how long it is kept."""

    max_bytes: int
    max_seconds: float
    max_side: int
    max_waiting: int
    """Files that are uploaded or wait."""
    work_seconds: float
    keep_seconds: float

    def refuse_bytes(self, size: int) -> str:
        """Return why a file of this size is not taken; empty if it is."""
        if size <= self.max_bytes:
            return ""
        return f"The file is larger than {self.max_bytes / 1e6:g} MB. Choose a smaller or a shorter video."

    def refuse_video(self, path: str) -> str:
        """Return why a video is not decoded, by its packets and headers alone; empty if it is.

        Raises:
            MediaError: If it cannot be opened, or lacks picture or sound.
        """
        width, height = coded_size(path)
        if max(width, height) > self.max_side:
            return f"The picture has {width} x {height} pixels, more than {self.max_side} on a side. Choose a smaller video."
        seconds = _end(probe(path))
        if seconds > self.max_seconds:
            return f"The video lasts {seconds / 60:.1f} minutes, more than {self.max_seconds / 60:g}. Choose a shorter one."
        return ""


def _end(line: Timeline) -> float:
    return max(span[1] for span in (*line.picture, *line.sound))
