"""References: what a recipe builds on, such as a teacher, word vectors or pretrained weights.

`models:/NAME/VERSION`, `models:/NAME@ALIAS` and `runs:/ID` are models of the registry, `package:NAME` is a
pretrained part that an installed package carries, `file:PATH` is a file or folder. The driver resolves each once, keeps a copy of models and files in the run's folder,
and says its fingerprint; every worker loads the copy and refuses one of another fingerprint. Nothing is downloaded here.
"""

import dataclasses
import hashlib
import os
from collections.abc import Mapping

from infra import storage
from infra.errors import InputError
from workflows.contract.pretrained import PRETRAINED, pretrained_fingerprint, pretrained_folder


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """One resolved reference."""

    uri: str
    fingerprint: str
    license: str
    place: str
    """Folder of the copy; the name of a pretrained part."""


def resolve_references(uris: Mapping[str, str], folder: str) -> dict[str, Reference]:
    """Return what a recipe's references are, after copying models and files below `folder`.

    Raises:
        InputError: Naming the reference that is not there.
    """
    return {name: _resolve(name, uri, storage.join(folder, name)) for name, uri in uris.items()}


def open_reference(reference: Reference) -> str:
    """Return the folder that a reference's files lie in.

    Raises:
        InputError: If it is not what was resolved, as on a node with another version of a package.
    """
    if reference.uri.startswith("package:"):
        found, folder = pretrained_fingerprint(reference.place), pretrained_folder(reference.place)
    else:
        found, folder = _fingerprint_files(reference.place), reference.place
    if found != reference.fingerprint:
        raise InputError(
            f"reference '{reference.uri}': here it has the fingerprint {found[:8]}, the run began with {reference.fingerprint[:8]}; "
            "install the same version on every node"
        )
    return folder


def _resolve(name: str, uri: str, target: str) -> Reference:
    kind, _, rest = uri.partition(":")
    if kind == "package":
        try:
            fingerprint = pretrained_fingerprint(rest)
        except InputError as error:
            raise InputError(f"references.{name}: {error}") from None
        return Reference(uri=uri, fingerprint=fingerprint, license=PRETRAINED[rest].license, place=rest)
    if kind in ("models", "runs"):
        from infra.tracking import model_folder  # a second of imports that a worker, which only opens, does without

        with model_folder(uri) as (folder, _):
            _copy(folder, target)
        return Reference(
            uri=uri, fingerprint=_fingerprint_files(target), license="as its data, see its card", place=target
        )
    if kind == "file":
        source = storage.resolve(rest, field=f"references.{name}")
        if not storage.exists(source):
            raise InputError(f"references.{name}: '{rest}' does not exist; give a file or folder that does")
        _copy(source, target)
        return Reference(uri=uri, fingerprint=_fingerprint_files(target), license="not stated", place=target)
    raise InputError(
        f"references.{name}: '{uri}' is no reference; give models:/NAME/VERSION, package:NAME or file:PATH"
    )


def _copy(source: str, target: str) -> None:
    """Copy a file or the files of a folder below `target`, under their own names."""
    files = storage.list_files(source) or [source]
    root = source if files != [source] else os.path.dirname(source)
    for path in files:
        storage.copy(path, storage.join(target, path[len(root) :].lstrip("/")))


def _fingerprint_files(folder: str) -> str:
    content = hashlib.blake2b(digest_size=16)
    for path in storage.list_files(folder):
        content.update(path[len(folder) :].encode())
        content.update(storage.read_bytes(path))
    return content.hexdigest()
