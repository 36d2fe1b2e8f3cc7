"""An index: embeddings of a dataset's clips by one version of a model, in Parquet parts beside `index.json`, which is written last."""

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from infra import storage
from infra.errors import InputError

INDEX = "index.json"
_TEXT = "text"
_COLUMNS = ("clip_id", "source", "start_seconds", "label", _TEXT)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What an index is of; two embeddings may be compared only if all of it is equal."""

    model: str
    """URI that the model was named by."""
    model_fingerprint: str
    """Digest of its weights."""
    modality: str
    dataset: str
    dataset_fingerprint: str
    split: str
    clip_seconds: float
    """Length of a clip, in seconds."""
    dim: int


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """Embeddings of clips, and where each clip lies."""

    description: Description
    items: dict[str, list[Any]]
    """clip_id, source, start_seconds, label and text of every clip."""
    embeddings: np.ndarray
    """float32 (clips, dim), L2-normalized."""

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.embeddings)

    def nearest(self, query: np.ndarray, num_hits: int) -> Iterator[dict[str, Any]]:
        """Yield the clips of the highest cosine with a query (dim,), exactly; equal ones in the index's order."""
        cosines = self.embeddings @ query
        for place in np.argsort(-cosines, kind="stable")[:num_hits].tolist():
            yield {name: values[place] for name, values in self.items.items()} | {"cosine": float(cosines[place])}


def fingerprint_weights(folder: str) -> str:
    """Return the digest of a model's weights."""
    content = storage.read_bytes(storage.join(folder, "model.safetensors"))
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def part_uri(folder: str, number: int) -> str:
    """Return where a part lies."""
    return storage.join(folder, f"part-{number:05d}.parquet")


def write_part(uri: str, items: dict[str, list[Any]], embeddings: np.ndarray) -> None:
    """Write a part, complete or not at all."""
    width = embeddings.shape[1]
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(embeddings.astype(np.float32).reshape(-1)), width)
    types = {"start_seconds": pa.float64()}
    columns = {name: pa.array(items[name], types.get(name, pa.string())) for name in _COLUMNS}
    with storage.staged(uri) as path:
        pq.write_table(pa.table({**columns, "embedding": vectors}), path)


def read_index(folder: str) -> Index:
    """Return an index.

    Raises:
        InputError: If there is none, or it is not finished.
    """
    place = storage.join(folder, INDEX)
    if not storage.exists(place):
        raise InputError(f"--index: '{folder}' holds no {INDEX}; make it with workflows.embed, or let that finish")
    values = storage.read_json(place)
    num_parts = values.pop("num_parts")
    table = pa.concat_tables(pq.read_table(storage.open_input(part_uri(folder, number))) for number in range(num_parts))
    description = Description(**values)
    embeddings = table["embedding"].combine_chunks().flatten().to_numpy().reshape(-1, description.dim)
    items = {name: table[name].to_pylist() for name in _COLUMNS}
    return Index(description=description, items=items, embeddings=embeddings)
