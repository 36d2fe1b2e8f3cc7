"""Embeddings of a dataset's clips, part by part: what a stopped run left is kept, what another model or dataset made is refused."""

import dataclasses
from typing import Any

import numpy as np

from datasets.card import preparation_of, read_card
from datasets.reading.selection import SplitName, select_units
from infra import storage
from infra.errors import InputError
from infra.outputs import refuse_foreign
from infra.progress import Progress, silent
from infra.tracking import model_folder
from workflows.contract.held_out import HeldOut
from workflows.embed.index import INDEX, Description, fingerprint_weights, part_uri, write_part
from workflows.evaluate.spread import Spread
from workflows.learners.learner import asking
from workflows.trained.clips import fit_to_clips
from workflows.trained.model import Model, loaded

_BEGUN = "begun.json"
_UNITS_A_PART = 4096
_BATCH_SIZE = 32
_MOST_TEXT = 300


def embed_dataset(
    uri: str,
    *,
    dataset: str,
    split: SplitName,
    modality: str,
    folder: str,
    spread: Spread | None = None,
    progress: Progress = silent,
) -> int:
    """Write an index of the clips of a split that hold what a modality is read from; return how many there are.

    Args:
        uri: model that offers `embed`.
        dataset: the dataset.
        split: which clips.
        modality: one that the model embeds from clips.
        folder: folder of the index, new or begun by the same command.
        spread: workers that embed; this process if not given.
        progress: is told how many clips are done.

    Raises:
        InputError: If the model does not embed that, no clip holds it, or the folder holds something else.
    """
    with loaded(uri) as model:
        model.refuse_without(("embed", "reads"), verb="embed")
        offered = [name for name in model.module.reads if name != "text"]
        if modality not in offered:
            raise InputError(f"--modality: '{modality}' is not embedded from clips; choose from {', '.join(offered)}")
        description, data = _describe(model, uri, dataset=dataset, split=split, modality=modality)
        _begin(folder, description)
        done = num_parts = 0
        for number, block in enumerate(data.blocks(_UNITS_A_PART)):
            place, num_parts = part_uri(folder, number), number + 1
            if not storage.exists(place):
                items, embeddings = _embed_block(model, block, modality, spread)
                write_part(place, items, embeddings)
            done += block.num_units
            progress("embedding", done, data.num_units)
    storage.write_json(storage.join(folder, INDEX), dataclasses.asdict(description) | {"num_parts": num_parts})
    storage.remove(storage.join(folder, _BEGUN))
    return done


def _describe(model: Model, uri: str, *, dataset: str, split: SplitName, modality: str) -> tuple[Description, HeldOut]:
    card = read_card(dataset)
    preparation = preparation_of(card)
    fitted = fit_to_clips(model, preparation, given=f"--data: '{dataset}'")
    data = HeldOut(groups=(), preparation=preparation, batch_size=_BATCH_SIZE)
    column = data.column_of(model.module.reads[modality])
    groups = select_units(dataset, split, unit="row", requires=(column,)).groups if column else []
    if not groups:
        wanted = " or ".join(model.module.reads[modality])
        raise InputError(f"--data: no clip of '{dataset}' holds {wanted}, which {modality} is read from; give another")
    with model_folder(uri) as (folder, _):
        fingerprint = fingerprint_weights(folder)
    description = Description(
        model=uri,
        model_fingerprint=fingerprint,
        modality=modality,
        dataset=dataset,
        dataset_fingerprint=card["fingerprint"],
        split=split,
        clip_seconds=preparation.clip_seconds,
        dim=fitted.module.embedding_dim,
    )
    return description, dataclasses.replace(data, groups=tuple(groups))


def _begin(folder: str, description: Description) -> None:
    """Refuse a folder of anything else; leave word of what is being made."""
    values = dataclasses.asdict(description)
    refuse_foreign(folder, INDEX, _BEGUN)
    for name in (INDEX, _BEGUN):
        place = storage.join(folder, name)
        if storage.exists(place):
            found = storage.read_json(place)
            other = next((field for field, value in values.items() if found.get(field) != value), None)
            if other is not None:
                raise InputError(
                    f"--output: '{folder}' holds an index with {other}={found.get(other)}, now it is {values[other]}; give a new folder"
                )
    storage.write_json(storage.join(folder, _BEGUN), values)


def _embed_block(
    model: Model, block: HeldOut, modality: str, spread: Spread | None
) -> tuple[dict[str, list[Any]], np.ndarray]:
    if spread is None:
        found = [_embed_share(model, (modality, block))]
    else:
        parts = [(modality, part) for part in spread.shares(block)]
        found = list(spread.map(_embed_share, parts, name="embedding"))
    units = np.concatenate([units for units, _, _ in found])
    order = np.argsort(units, kind="stable")
    items = {name: [value for _, items, _ in found for value in items[name]] for name in found[0][1]}
    ordered = {name: [values[place] for place in order] for name, values in items.items()}
    return ordered, np.concatenate([embeddings for _, _, embeddings in found])[order]


def _embed_share(model: Model, part: tuple[str, HeldOut]) -> tuple[np.ndarray, dict[str, list[Any]], np.ndarray]:
    """Return the numbers of a share's clips, where they lie, and their embeddings."""
    modality, data = part
    fitted = fit_to_clips(model, data.preparation, given="--data")
    media = data.column_of(fitted.module.reads[modality])
    columns = ("clip_id", "source", "start_seconds", "label", "texts", *([media] if media else []))
    units, embeddings = [], []
    items: dict[str, list[Any]] = {name: [] for name in ("clip_id", "source", "start_seconds", "label", "text")}
    with asking(fitted.module) as module:
        for numbers, batch in data.read(columns):
            units.append(numbers)
            embeddings.append(module.embed(modality, batch).cpu().numpy())
            for name in ("clip_id", "source", "start_seconds", "label"):
                items[name] += batch[name]
            items["text"] += [_shown(texts) for texts in batch["texts"]]
    return np.concatenate(units), items, np.concatenate(embeddings)


def _shown(texts: list[dict[str, Any]] | None) -> str | None:
    """Return the first of a clip's texts, which a hit is shown with."""
    return texts[0]["text"][:_MOST_TEXT] if texts else None
