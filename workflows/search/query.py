"""A query against an index: embedded by the model that made the index, compared with all clips."""

import dataclasses
import os
from typing import Any

import numpy as np

from datasets.media import MediaError, decode_image
from infra import storage
from infra.errors import InputError
from infra.tracking import model_folder
from workflows.embed.index import Description, fingerprint_weights, read_index
from workflows.learners.learner import asking
from workflows.trained.model import loaded

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a query found."""

    query: str
    index: Description
    num_clips: int
    hits: tuple[dict[str, Any], ...]
    """The nearest clips, the nearest first: clip_id, source, start_seconds, label, text, cosine."""


def find(index: str, query: str, *, num_hits: int = 10, model: str | None = None) -> Found:
    """Return the clips of an index that are nearest to a query.

    Args:
        index: folder of the index.
        query: words, or the path of a picture.
        num_hits: how many clips.
        model: URI of the model, where it is no longer found under the name that the index has.

    Raises:
        InputError: If the model is another than made the index, knows no word of the query, or a file cannot be read.
    """
    if num_hits < 1:
        raise InputError(f"--num-hits: {num_hits} is below 1; give 1 or more")
    opened = read_index(index)
    embedding = _embed(query, model or opened.description.model, opened.description)
    hits = tuple(opened.nearest(embedding, num_hits))
    return Found(query=query, index=opened.description, num_clips=len(opened), hits=hits)


def _embed(query: str, uri: str, wanted: Description) -> np.ndarray:
    with model_folder(uri) as (folder, _):
        fingerprint = fingerprint_weights(folder)
    if fingerprint != wanted.model_fingerprint:
        raise InputError(
            f"--model: '{uri}' is another version than made the index ({fingerprint[:8]}, not {wanted.model_fingerprint[:8]}); "
            "give that one, or embed again"
        )
    with loaded(uri) as model, asking(model.module) as module:
        if query.lower().endswith(_PICTURES):
            return module.embed_pictures(_read_picture(query)[None])[0].cpu().numpy()
        if not module.words.knows(query):
            raise InputError(f"--query: the model knows no word of '{query}'; give other words, or a picture's file")
        return module.embed_text([query])[0].cpu().numpy()


def _read_picture(path: str) -> np.ndarray:
    place = storage.resolve(path, field="--query")
    if not storage.exists(place):
        raise InputError(f"--query: '{path}' does not exist; give a picture's file, or words")
    try:
        return decode_image(storage.read_bytes(place)).copy()  # torch wants what it may write
    except MediaError as error:
        raise InputError(f"--query: '{os.path.basename(path)}' cannot be read ({error.reason}); give another") from None
