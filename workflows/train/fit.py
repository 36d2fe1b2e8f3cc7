"""Fit a recipe to a dataset: what train, demo and sweeps all call."""

import contextlib
import dataclasses
import functools
import itertools
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import ray
import ray.train
import ray.train.torch

from datasets.card import read_card
from datasets.config import PreparationConfig
from datasets.reading.reader import list_row_groups, read_labels
from datasets.reading.selection import Selection, select_pairs
from infra import cluster, storage
from infra.errors import InputError
from infra.tracking import Run, ending, resume_run, start_run, tracking_uri
from infra.version import code_version
from workflows.contract.registry import load_recipe
from workflows.train.backend import LocalReporter, Report
from workflows.train.loop import Job, best_epoch, read_plan, train
from workflows.train.register import register
from workflows.train.screening import count_screened, describe_screening
from workflows.trained.checkpoint import CONFIG, WEIGHTS, list_checkpoints, read_description, read_state

Progress = Callable[[dict[str, Any]], None]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """How many workers train, and with what."""

    num_workers: int = 2
    """Workers, each with its own copy of the network; 0 trains in this process, without Ray."""
    use_gpu: bool = False
    """One GPU a worker."""
    resources_per_worker: dict[str, float] | None = None
    """What a worker reserves, such as CPU 4; half a processor if not given, so that reading data finds some."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What is different where a run is one of a sweep's: it lies below another, goes on by itself, and is not registered."""

    parent_run: str
    """Run of the sweep."""
    report: Report = lambda metrics: None
    """Is told of every epoch where the loop runs in this process."""
    callbacks: tuple[Any, ...] = ()
    """Callbacks of Ray Train, where workers run."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FitResult:
    """What came out of a run."""

    run_id: str
    run_folder: str
    model_folder: str
    model_uri: str | None
    metrics: dict[str, float]
    finished: bool
    seconds: dict[str, float]
    """How long the run took to open, to work (the loop, and the start of its workers) and to conclude."""


def fit(
    recipe: str,
    config: Any,
    *,
    dataset: str,
    run_name: str,
    scaling: Scaling = Scaling(),
    selection: Selection = Selection(),
    resume: bool = False,
    progress: Progress = lambda state: None,
    tell: Callable[[str], None] = lambda line: None,
    trial: Trial | None = None,
) -> FitResult:
    """Train a recipe and register its best epoch; a first Ctrl-C checkpoints and stops.

    As a sweep's trial it goes on from whatever an earlier try of the same name left.

    Raises:
        InputError: If dataset and configuration do not fit, or there is nothing to resume.
    """
    moments = [time.monotonic()]
    job = make_job(recipe, config, dataset=dataset, run_name=run_name, scaling=scaling, selection=selection)
    for line in describe_screening(job.screened):
        tell(line)
    run_folder, card = job.run_folder, job.card
    if trial is not None:
        resume = bool(list_checkpoints(run_folder))
    if resume:
        _check_resume(job, run_name, scaling)
    run = _open_run(recipe, run_name, run_folder, resume=resume, trial=trial)
    with ending(run):
        if not resume:
            options = {"scaling": scaling, "selection": job.selection}
            run.log_params(dataclasses.asdict(job.config) | {n: dataclasses.asdict(v) for n, v in options.items()})
            run.log_metrics(count_screened(job.screened))
        run.log_dataset(dataset, name=dataset.rsplit("/", 1)[-1], digest=card["fingerprint"], context="training")
        run.log_dict(card, "dataset.json")
        version = code_version()
        run.set_tags(
            {"code_hash": version["hash"], "commit": version["commit"], "recipe": recipe, "run_folder": run_folder}
        )
        if trial is None:
            run.watch_system()
        job = dataclasses.replace(job, run_id=run.run_id)
        moments.append(time.monotonic())
        with _stopping_gently(run_folder):
            if trial is not None:
                _work(job, scaling, trial)()
            else:
                with cluster.running() if scaling.num_workers else contextlib.nullcontext():
                    _showing(_work(job, scaling, trial), run_folder, progress)
        moments.append(time.monotonic())
        result = _conclude(run, run_folder)
        if trial is None:
            version = register(run, recipe=recipe, folder=result.model_folder, dataset=dataset)
            result = dataclasses.replace(result, model_uri=f"models:/{recipe}/{version}")
    moments.append(time.monotonic())
    stages = zip(("open", "work", "conclude"), itertools.pairwise(moments), strict=True)
    return dataclasses.replace(result, seconds={name: end - begin for name, (begin, end) in stages})


def make_job(
    recipe: str,
    config: Any,
    *,
    dataset: str,
    run_name: str,
    scaling: Scaling,
    selection: Selection = Selection(),
) -> Job:
    """Return what the workers will be told, but for the run; writes nothing.

    Raises:
        InputError: If dataset and configuration do not fit.
    """
    card = read_card(dataset)
    config = _fitted(recipe, config, card)
    found = {split: select_pairs(list_row_groups(dataset, split), selection) for split in ("train", "validation")}
    job = Job(
        recipe=recipe,
        config=config,
        dataset=dataset,
        card=card,
        selection=selection,
        groups=tuple(found["train"][0]),
        held_out=tuple(found["validation"][0]),
        labels=read_labels(found["train"][0]) if config.loader.balance_classes else (),
        screened={split: screened for split, (_, screened) in found.items()},
        run_folder=storage.resolve(os.path.join("runs", run_name), field="--run-name"),
        run_id="",
        tracking_uri=tracking_uri(),
    )
    _check(job, scaling)
    return job


def _fitted(recipe: str, config: Any, card: dict[str, Any]) -> Any:
    preparation = PreparationConfig.from_dict(card["config"])
    sizes = {
        "num_frames": preparation.num_frames,
        "num_samples": preparation.num_samples,
        "num_bins": preparation.log_mel.num_bins,
        "num_hops": preparation.num_hops,
    }
    return load_recipe(recipe).adapt(config, sizes)


def _check(job: Job, scaling: Scaling) -> None:
    config, card, dataset = job.config, job.card, job.dataset
    stored = card["config"]["size"]
    if config.crop_size > stored:
        raise InputError(
            f"crop_size: {config.crop_size} is larger than the {stored} pixels that '{dataset}' stores; "
            f"give --crop-size {stored} or less, or prepare with --size {config.crop_size} or more"
        )
    if card["config"]["label_mode"] != "pairs":
        raise InputError(
            f"--data: '{dataset}' was prepared with --label-mode {card['config']['label_mode']}, which has no pairs; prepare with pairs"
        )
    unknown = [name for name in job.selection.classes if name not in card["classes"]]
    if unknown:
        raise InputError(
            f"--classes: '{unknown[0]}' is not in '{dataset}'; choose from {', '.join(filter(None, card['classes']))}"
        )
    classes = {label for labels in job.labels for label in labels}
    if config.loader.balance_classes and len(classes) < 2:
        raise InputError(
            f"loader.balance_classes: the training pairs of '{dataset}' are all of the class '{''.join(classes)}'; leave it out"
        )
    if getattr(config, "sync_batch_norm", False) and not scaling.use_gpu:
        raise InputError("sync_batch_norm: True needs GPUs; add --use-gpu or leave it out")
    screened = job.screened["train"]
    needed = config.loader.batch_pairs * max(1, scaling.num_workers)
    if screened.num_kept < needed <= screened.num_pairs:
        raise InputError(
            f"--min-loudness, --min-motion: {job.selection.min_loudness}, {job.selection.min_motion} leave "
            f"{screened.num_kept} of {screened.num_pairs} training pairs and one step takes {needed}; give less"
        )
    if screened.num_kept < needed:
        raise InputError(
            f"--data: '{dataset}' has {screened.num_kept} training pairs and one step takes {needed} "
            f"(loader.batch_pairs {config.loader.batch_pairs} x {max(1, scaling.num_workers)} workers); "
            "give more or longer videos, a smaller batch, or shorter shifts and clips when preparing"
        )


def _check_resume(job: Job, run_name: str, scaling: Scaling) -> None:
    """Refuse to go on with other data or another length than the checkpoint's order and schedule were laid over."""
    checkpoints = list_checkpoints(job.run_folder)
    if not checkpoints:
        raise InputError(f"--resume: '{run_name}' has no checkpoint in {job.run_folder}; start it without --resume")
    state = read_state(checkpoints[-1])
    asked = dataclasses.asdict(job.selection)
    for name, before in state.get("selection", {}).items():
        if asked[name] != before:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option}: '{run_name}' began with {before}, now it is {asked[name]}; give the same")
    plan = read_plan(job, rank=0, world_size=max(1, scaling.num_workers))
    if state["step"] and state["plan"] != plan.digest:
        raise InputError(
            f"--resume: '{run_name}' stopped inside an epoch, and its data, batch or number of workers are other now; "
            "give the same, or start a new run"
        )
    description = read_description(checkpoints[-1])
    before, now = description["dataset"]["fingerprint"], job.card["fingerprint"]
    if before != now:
        raise InputError(
            f"--data: '{run_name}' began on other clips (fingerprint {before[:8]}) than are in '{job.dataset}' ({now[:8]}); "
            "give the same, or start a new run"
        )
    before, now = description["config"]["cadence"]["epochs"], job.config.cadence.epochs
    if job.config.schedule.kind != "constant" and before != now:
        raise InputError(
            f"--resume: the schedule of '{run_name}' lies over {before} epochs, now it would be {now}; "
            "give the same --epochs, or start a new run"
        )


def _open_run(recipe: str, run_name: str, run_folder: str, *, resume: bool, trial: Trial | None) -> Run:
    record = storage.join(run_folder, "run_id")
    for leftover in ("stop", "progress.json"):
        storage.remove(storage.join(run_folder, leftover))
    if resume or (trial is not None and storage.exists(record)):
        return resume_run(storage.read_bytes(record).decode())
    if list_checkpoints(run_folder):
        raise InputError(
            f"--run-name: '{run_name}' exists already in {run_folder}; choose another name, or continue it with --resume {run_name}"
        )
    parent = None if trial is None else trial.parent_run
    run = start_run(recipe, name=os.path.basename(run_name), tags={"stage": "train"}, parent=parent)
    storage.write_bytes(record, run.run_id.encode())
    return run


def _work(job: Job, scaling: Scaling, trial: Trial | None) -> Callable[[], object]:
    """Return what runs the loop: in this process, or on Ray Train's workers."""
    if scaling.num_workers == 0:
        return functools.partial(train, job, LocalReporter() if trial is None else LocalReporter(trial.report))
    reserved = scaling.resources_per_worker or ({"CPU": 1, "GPU": 1} if scaling.use_gpu else {"CPU": 0.5})
    trainer = ray.train.torch.TorchTrainer(
        functools.partial(train, job),
        scaling_config=ray.train.ScalingConfig(
            num_workers=scaling.num_workers, use_gpu=scaling.use_gpu, resources_per_worker=reserved
        ),
        run_config=ray.train.RunConfig(
            name=os.path.basename(job.run_folder),
            storage_path=storage.join(os.path.dirname(job.run_folder), ".ray_train"),
            failure_config=ray.train.FailureConfig(max_failures=2, controller_failure_limit=3),
            worker_runtime_env={"env_vars": {"OMP_NUM_THREADS": "1"}} if scaling.num_workers > 1 else None,
            callbacks=None if trial is None else list(trial.callbacks),
        ),
    )
    return trainer.fit


def _showing(work: Callable[[], object], run_folder: str, progress: Progress) -> None:
    """Do work in a thread, so that Ctrl-C and progress stay with this one."""
    failure: list[BaseException] = []

    def do() -> None:
        try:
            work()
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.5)
        state = storage.join(run_folder, "progress.json")
        if storage.exists(state):
            progress(storage.read_json(state))
    if failure:
        raise failure[0]


@contextlib.contextmanager
def _stopping_gently(run_folder: str) -> Iterator[None]:
    """Turn a first Ctrl-C into the wish to checkpoint and stop; a second one interrupts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(signum: int, frame: Any) -> None:
        storage.write_bytes(storage.join(run_folder, "stop"), b"")
        print("\nstopping after a checkpoint; Ctrl-C again to stop at once", flush=True)
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _conclude(run: Run, run_folder: str) -> FitResult:
    """Copy the best epoch to `model` and log it."""
    # The checkpoint's own history: writing history.json may have failed after it.
    state = read_state(list_checkpoints(run_folder)[-1])
    history = state["history"]
    best = best_epoch(history)
    folder = storage.join(run_folder, "model")
    source = storage.join(run_folder, "checkpoints", f"epoch-{best:04d}")
    for name in (WEIGHTS, CONFIG):
        storage.write_bytes(storage.join(folder, name), storage.read_bytes(storage.join(source, name)))
    storage.write_bytes(storage.join(folder, "run_id"), run.run_id.encode())
    epochs = read_description(folder)["config"]["cadence"]["epochs"]
    finished = state["epoch"] >= epochs
    run.set_tags({"best_epoch": str(best), "finished": str(finished)})
    for name in (WEIGHTS, CONFIG):
        with storage.local_copy(storage.join(folder, name)) as path:
            run.log_artifact(path, "model")
    metrics = next(entry for entry in history if entry["epoch"] == best)
    return FitResult(
        run_id=run.run_id,
        run_folder=run_folder,
        model_folder=folder,
        model_uri=None,
        metrics=metrics,
        finished=finished,
        seconds={},
    )


def default_run_name(recipe: str) -> str:
    """Return a name that no earlier run has."""
    return f"{recipe}-{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:4]}"
