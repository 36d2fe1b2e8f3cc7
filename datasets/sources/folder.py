"""A folder of videos, walked to any depth; Kinetics' layout of one folder a class is one case."""

import os
from typing import Any

from datasets.sources.media_files import find_media
from datasets.sources.source import Source
from infra import storage
from infra.errors import InputError
from infra.progress import Say, unsaid


def index(folder: str, *, say: Say = unsaid) -> tuple[list[Source], list[dict[str, Any]]]:
    """Return every media file below a folder, and error rows for what cannot be read of it.

    A file's label is the folder it lies in, none at the top. `say` is told what is left out.

    Raises:
        InputError: If there is no such folder or nothing in it.
    """
    if not storage.exists(folder):
        raise InputError(f"--source: '{folder}' does not exist; give a folder of videos, a CSV file or 'synthetic'")
    said: list[str] = []
    files, unread = find_media(folder, say=said.append)
    if not files:
        found = "; ".join([*said, *(f"{row['source']}: {row['detail']}" for row in unread)])
        raise InputError(
            f"--source: '{folder}' holds no media files{f' ({found})' if found else ''}; give a folder with videos"
        )
    for line in said:
        say(line)
    sources = []
    for path in files:
        name = path[len(folder) :].lstrip("/")
        sources.append(Source(path=path, video_id=name, label=os.path.basename(os.path.dirname(name)) or None))
    return sources, unread
