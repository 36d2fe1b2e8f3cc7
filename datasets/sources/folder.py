"""A folder of videos, walked to any depth; Kinetics' layout of one folder a class is one case."""

import os

from datasets.sources.source import Source
from infra import storage
from infra.errors import InputError

EXTENSIONS = frozenset(
    [
        ".3gp",
        ".aac",
        ".asf",
        ".avi",
        ".f4v",
        ".flac",
        ".flv",
        ".m2ts",
        ".m4a",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp3",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".ogg",
        ".ogv",
        ".opus",
        ".ts",
        ".vob",
        ".wav",
        ".webm",
        ".wmv",
    ]
)


def index(folder: str) -> list[Source]:
    """Return every media file below a folder; its label is the folder it lies in, none at the top.

    Raises:
        InputError: If there is no such folder or nothing in it.
    """
    if not storage.exists(folder):
        raise InputError(f"--source: '{folder}' does not exist; give a folder of videos, a CSV file or 'synthetic'")
    sources = []
    for path in storage.list_files(folder):
        name = path[len(folder) :].lstrip("/")
        if os.path.splitext(name)[1].lower() in EXTENSIONS:
            parent = os.path.basename(os.path.dirname(name))
            sources.append(Source(path=path, video_id=name, label=parent or None))
    if not sources:
        raise InputError(
            f"--source: '{folder}' holds no media files ({', '.join(sorted(EXTENSIONS))}); give a folder with videos"
        )
    return sources
