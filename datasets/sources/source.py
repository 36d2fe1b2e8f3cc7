"""One video to prepare, wherever it was listed."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A video file and what its catalog says about it.

    `video_id` is unique within a run and readable; `catalog_id` is the recording's own name where
    a catalog gives one (a YouTube id); `start_seconds` and `end_seconds` bound the part of the
    file that the catalog means, none for the whole file.
    """

    path: str
    video_id: str
    label: str | None = None
    catalog_id: str | None = None
    start_seconds: float | None = None
    end_seconds: float | None = None
