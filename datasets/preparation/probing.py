"""Looking at sources before anything is planned: what each holds, the digest of its content, and the recording it is of."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from datasets.config import PreparationConfig
from datasets.media import MediaError, Timeline, image_size, probe, reading
from datasets.preparation.spans import lacks
from datasets.sources.source import Source
from infra import storage
from infra.seeding import digest

Row = dict[str, Any]


def probe_row(source: Source, config: PreparationConfig) -> Row:
    """Return what the probe needs to know of a source; `file` and `image` are empty where they are not looked at."""
    text_id = "" if source.path or source.image else digest(source.texts).hex()
    return {
        "path": source.place,
        "video_id": source.video_id,
        "file": source.path,
        "image": source.image,
        "text_id": text_id,
        "lacking": ", ".join(lacks(source, config)),
    }


def look_at(
    row: Row, config: PreparationConfig, *, hear: Callable[[Any], None] | None = None
) -> tuple[Timeline, str, str]:
    """Return the time line of a source's file, the digest of its content, and that of its still picture, empty where it has none.

    Args:
        row: what `probe_row` said of the source.
        config: what rows hold.
        hear: takes the packets of its sound.

    Raises:
        MediaError: If it lacks what rows hold, or a file is none that can be read.
        FileNotFoundError: If a file is not there.
    """
    if row["lacking"]:
        raise MediaError("probe", f"no {row['lacking']}", "the source names no such file or text")
    line = Timeline()
    digests = [row["text_id"]] if row["text_id"] else []
    image_id = ""
    if row["image"]:
        with present(row["image"]) as path:
            if "image" in config.modalities:
                image_size(path)
            image_id = _digest_of(path)
            digests.append(image_id)
    if row["file"]:
        with present(row["file"]) as path, reading("probe"):
            if config.row_seconds:
                line = probe(path, needs=config.modalities, audio_track=config.audio_track, hear=hear)
            digests.append(_digest_of(path))
    return line, digests[0] if len(digests) == 1 else digest(*digests).hex(), image_id


def recording_names(sources: Sequence[Source], probed: Sequence[Mapping[str, Any]]) -> dict[str, str | None]:
    """Return the recording that each source is of by its catalog, or by its still picture where it has more than that.

    Sentences spoken about one photo are of one recording, so that the photo is on one side of a split. None where content decides.
    """
    names = {source.video_id: source.catalog_id for source in sources}
    return names | {row["video_id"]: names[row["video_id"]] or row["image_id"] or None for row in probed}


def state_of(source: Source) -> str:
    """Return what changes when a file of a source changes."""
    files = [file for file in (source.image, source.path) if file and not storage.is_remote(file)]
    return "+".join(state for file in files if (state := storage.state(file)))


@contextlib.contextmanager
def present(uri: str) -> Iterator[str]:
    """Give a local path with a file's content, for as long as the block runs.

    Raises:
        FileNotFoundError: If it is not there.
    """
    with storage.local_copy(uri) as path:
        if not os.path.exists(path):
            raise FileNotFoundError(f"{storage.shown(uri)} does not exist")
        yield path


def _digest_of(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
