"""What every training worker is told: the job, made once by the driver from recipe, configuration and dataset cards."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from datasets.card import read_card
from datasets.config import PreparationConfig
from datasets.index import read_index
from datasets.preparation.shards import SPLITS
from datasets.reading.read_plan import ReadPlan
from datasets.reading.reader import read_units
from datasets.reading.row_groups import RowGroup, Unit
from datasets.reading.screening import Screened
from datasets.reading.selection import Selection, select_units
from infra import storage
from infra.errors import InputError
from infra.seeding import digest
from workflows.contract.references import Reference
from workflows.contract.registry import load_recipe
from workflows.contract.streams import Stream, check_card


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """How many workers train, and with what."""

    num_workers: int = 2
    """Workers, each with its own copy of the network; 0 trains in this process, without Ray."""
    use_gpu: bool = False
    """One GPU a worker."""
    resources_per_worker: dict[str, float] | None = None
    """What a worker reserves, such as CPU 4; half a processor if not given, so that reading data finds some."""
    sync_batch_norm: bool = False
    """Whether batch norms see the batches of all workers (GPU only)."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.num_workers < 0:
            raise InputError(f"--num-workers: {self.num_workers} is below 0; give 0 to train in this process, or more")
        if self.sync_batch_norm and not self.use_gpu:
            raise InputError("--sync-batch-norm: True needs GPUs; add --use-gpu or leave it out")

    @property
    def world_size(self) -> int:
        """Processes that train."""
        return max(1, self.num_workers)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class StreamJob:
    """What is read of one stream: listed once, as a preparation may add to its dataset at any time."""

    dataset: str
    card: dict[str, Any]
    columns: tuple[str, ...]
    unit: Unit
    train: tuple[RowGroup, ...]
    validation: tuple[RowGroup, ...]
    labels: tuple[tuple[str, ...], ...]
    """Classes of the units of `train`, where they are balanced."""
    screened: dict[str, Screened]
    """What the selection left of each split."""

    @property
    def preparation(self) -> PreparationConfig:
        """How the dataset was prepared."""
        return PreparationConfig.from_dict(self.card["config"])


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What every worker is told."""

    recipe: str
    config: Any
    selection: Selection
    streams: dict[str, StreamJob]
    """By name; an epoch is one pass over the first."""
    assets: dict[str, Any]
    """What was learned from the training split before the first step."""
    references: dict[str, Reference]
    sync_batch_norm: bool
    run_folder: str
    start_folder: str = ""
    """Folder of the model whose weights the run starts from; none where it starts from random ones."""
    run_id: str = ""
    tracking_uri: str = ""

    @property
    def main(self) -> StreamJob:
        """The stream that epochs pass over, and that is validated on."""
        return next(iter(self.streams.values()))


def make_job(
    recipe: str,
    config: Any,
    *,
    data: Mapping[str, str] | str,
    run_name: str,
    scaling: Scaling,
    selection: Selection = Selection(),
) -> Job:
    """Return what the workers will be told, but for run and references; writes nothing.

    Raises:
        InputError: If datasets and configuration do not fit.
    """
    module = load_recipe(recipe)
    streams: dict[str, Stream] = module.streams(config)
    datasets = {next(iter(streams)): data} if isinstance(data, str) else dict(data)
    cards = {name: read_card(datasets[name]) for name in streams}
    config = module.fit_to(config, cards)
    streams = module.streams(config)
    first, *others = streams
    _refuse_shared_recordings(datasets[first], [datasets[name] for name in others], selection)
    # Folds are of the first stream's recordings, on which the model is tested.
    selections = {
        name: selection if name == first else dataclasses.replace(selection, held_out=None) for name in streams
    }
    parts = {
        name: _stream_job(stream, datasets[name], cards[name], selections[name], config)
        for name, stream in streams.items()
    }
    for name, part in parts.items():
        _check(name if len(parts) > 1 else "", part, selection, config, scaling)
    return Job(
        recipe=recipe,
        config=config,
        selection=selection,
        streams=parts,
        assets=module.assets(config, _reader(parts)),
        references={},
        sync_batch_norm=scaling.sync_batch_norm,
        run_folder=storage.resolve(os.path.join("runs", run_name), field="--run-name"),
    )


def read_plans(job: Job, *, rank: int, world_size: int) -> dict[str, ReadPlan]:
    """Return what one of the workers reads in which order, by stream."""
    loader = job.config.loader
    plans = {}
    for number, (name, part) in enumerate(job.streams.items()):
        plans[name] = ReadPlan(
            groups=part.train,
            batch_size=loader.batch_size,
            world_size=world_size,
            rank=rank,
            # The first stream keeps the run's seed; the others have orders of their own.
            seed=job.config.seed if number == 0 else int.from_bytes(digest(job.config.seed, name)[:4], "big"),
            pool_bytes=loader.pool_mb * 2**20,
            labels=part.labels,
        )
    return plans


def digest_plans(plans: Mapping[str, ReadPlan]) -> str:
    """Return what stands for all that decides the order of reading; the same on every rank."""
    return digest(*((name, plan.digest) for name, plan in plans.items())).hex()


def _stream_job(stream: Stream, dataset: str, card: dict[str, Any], selection: Selection, config: Any) -> StreamJob:
    check_card(dataset, card, stream, splits=SPLITS if selection.held_out else ("train",))
    unknown = [name for name in selection.classes if name not in card["classes"]]
    if unknown:
        raise InputError(
            f"--classes: '{unknown[0]}' is not in '{dataset}'; choose from {', '.join(filter(None, card['classes']))}"
        )
    found = {
        split: select_units(dataset, split, unit=stream.unit, requires=stream.needed, selection=selection)
        for split in ("train", "validation")
    }
    return StreamJob(
        dataset=dataset,
        card=card,
        columns=stream.columns,
        unit=stream.unit,
        train=found["train"].groups,
        validation=found["validation"].groups,
        labels=found["train"].labels if config.loader.balance_classes else (),
        screened={split: each.screened for split, each in found.items()},
    )


def _refuse_shared_recordings(dataset: str, others: Sequence[str], selection: Selection) -> None:
    """Refuse to hold out folds of recordings that another stream trains on."""
    for other in others if selection.held_out is not None else ():
        shared = np.intersect1d(*(read_index(each)["recording"].to_numpy() for each in (dataset, other)))
        if len(shared):
            raise InputError(
                f"--data: '{other}' has {len(shared)} recordings of '{dataset}', so that folds held out would be trained on; "
                "give other data"
            )


def _check(name: str, part: StreamJob, selection: Selection, config: Any, scaling: Scaling) -> None:
    where = f"'{part.dataset}'" + (f" ({name})" if name else "")
    classes = {label for labels in part.labels for label in labels}
    if config.loader.balance_classes and len(classes) < 2:
        raise InputError(
            f"loader.balance_classes: the training clips of {where} are all of the class '{''.join(classes)}'; leave it out"
        )
    screened = part.screened["train"]
    needed = config.loader.batch_size * scaling.world_size
    if screened.num_kept < needed <= screened.num_units and selection.limits:
        options, values = ", ".join(selection.limits), ", ".join(f"{value:g}" for value in selection.limits.values())
        raise InputError(
            f"{options}: {values} {'leaves' if len(selection.limits) == 1 else 'leave'} "
            f"{screened.num_kept} of {screened.num_units} training {part.unit}s and one step takes {needed}; screen less"
        )
    if screened.num_kept < needed:
        raise InputError(
            f"--data: {where} has {screened.num_kept} training {part.unit}s and one step takes {needed} "
            f"(loader.batch_size {config.loader.batch_size} x {scaling.world_size} workers); "
            "give more or longer sources, a smaller batch, or other --classes and --folds"
        )


def _reader(parts: Mapping[str, StreamJob]) -> Callable[..., Iterator[Any]]:
    """Return what gives a recipe the training split to learn its assets from: batches of some columns of a stream."""

    def read(columns: tuple[str, ...], *, stream: str | None = None) -> Iterator[Any]:
        part = parts[stream or next(iter(parts))]
        return read_units(part.train, columns=columns, config=part.preparation, batch_size=256)

    return read
