"""Fit a recipe to its data: what train, demo and sweeps all call. The driver's side of a run, from the job to the registered model."""

import contextlib
import dataclasses
import functools
import itertools
import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import ray
import ray.train
import ray.train.torch

from datasets.card import warn_of_leaks
from datasets.reading.screening import describe_screening
from datasets.reading.selection import Selection
from infra import cluster, storage
from infra.errors import InputError
from infra.progress import Say, unsaid
from infra.ray_address import check_cluster
from infra.tracking import Run, ending, find_run, model_folder, optional, resume_run, start_run
from workflows.contract.references import Reference, resolve_references
from workflows.contract.registry import load_recipe
from workflows.train.backend import LocalBackend, Report
from workflows.train.interrupt import forget_wish, is_asked_to_stop, stopping_gently
from workflows.train.job import Job, Scaling, make_job
from workflows.train.loop import DIVERGED, OBJECTIVE, best_epoch, train
from workflows.train.progress import PROGRESS
from workflows.train.record import record_run
from workflows.train.register import Registration, keep_model, register
from workflows.train.resume import check_resume, record_options
from workflows.trained.checkpoint import MODEL_FILES, checkpoint_folder, list_checkpoints, read_description, read_state

Progress = Callable[[dict[str, Any]], None]
_REFERENCES = "references.json"


class DivergedError(InputError):
    """The loss became infinite or no number."""


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
    why_not_registered: str
    """Empty where it is."""
    metrics: dict[str, float]
    """Of the best epoch."""
    finished: bool
    seconds: dict[str, float]
    """How long the run took to open, to work (the loop, and the start of its workers) and to conclude."""


def fit(
    recipe: str,
    config: Any,
    *,
    data: Mapping[str, str] | str,
    run_name: str,
    scaling: Scaling = Scaling(),
    selection: Selection = Selection(),
    resume: bool = False,
    progress: Progress = lambda state: None,
    tell: Say = unsaid,
    trial: Trial | None = None,
    start: str | None = None,
    registration: Registration = "finished",
) -> FitResult:
    """Train a recipe and register its best epoch; a first Ctrl-C or SIGTERM checkpoints and stops.

    Args:
        recipe: name of the recipe.
        config: its configuration.
        data: dataset of every stream by name, or of the only one.
        run_name: name of the run and its folder below runs/.
        scaling: how many workers train, and with what.
        selection: which clips are read.
        resume: whether an earlier run of this name goes on.
        progress: is told how far the workers are.
        tell: is told what a user should know, a line each.
        trial: what is different for a sweep's trial, which goes on from whatever an earlier try left.
        start: URI of a model of the recipe whose weights the run starts from; random ones if not given.
        registration: which runs become versions of the registered model.

    Raises:
        InputError: If data and configuration do not fit, there is nothing to resume, or training diverges.
    """
    moments = [time.monotonic()]
    job = make_job(recipe, config, data=data, run_name=run_name, scaling=scaling, selection=selection)
    _tell_what_to_know(job, tell)
    resume = resume if trial is None else bool(list_checkpoints(job.run_folder))
    if resume:
        check_resume(job, run_name, scaling)
    if scaling.num_workers and trial is None:
        check_cluster()
    run = _open_run(job, run_name, resume=resume, trial=trial)
    with ending(run):
        job = _tracked(job, run, start)
        record_run(run, job, scaling, parent=None if trial is None else trial.parent_run, resume=resume)
        moments.append(time.monotonic())
        _run_loop(run, job, scaling, trial, progress)
        moments.append(time.monotonic())
        _refuse_divergence(job)
        result = _conclude(run, job.run_folder, trial)
        if trial is None:
            result = _keep(run, job, result, registration)
        else:
            _log_model_files(run, result.model_folder)
        run.outcome = "FINISHED" if result.finished else "KILLED"
    moments.append(time.monotonic())
    stages = zip(("open", "work", "conclude"), itertools.pairwise(moments), strict=True)
    return dataclasses.replace(result, seconds={name: end - begin for name, (begin, end) in stages})


def _keep(run: Run, job: Job, result: FitResult, registration: Registration) -> FitResult:
    """Return the result with the URI of the registered model, or why there is none; a store that does not answer ends no training."""
    name, given = os.path.basename(job.run_folder), {"folder": result.model_folder, "dataset": job.main.dataset}
    reason = f"{run.uri} does not answer"
    with optional(f"the model is not registered; `workflows.train` with --resume {name} does it"):
        keep_model(run, recipe=job.recipe, **given)
        reason = _why_not(result, registration)
        if not reason:
            version = register(run, recipe=job.recipe, **given)
            return dataclasses.replace(result, model_uri=f"models:/{job.recipe}/{version}")
    return dataclasses.replace(result, why_not_registered=reason)


def _why_not(result: FitResult, registration: Registration) -> str:
    if registration == "never":
        return "--no-register"
    if not math.isfinite(result.metrics.get(OBJECTIVE, math.nan)):
        return "no validation clips, so that it has no figure"
    if not result.finished and registration != "always":
        return "stopped before its end; --register does it all the same"
    return ""


def _log_model_files(run: Run, folder: str) -> None:
    for name in MODEL_FILES:
        with storage.local_copy(storage.join(folder, name)) as path:
            run.log_artifact(path, "model")


def _tell_what_to_know(job: Job, tell: Say) -> None:
    """Tell of leaks that an audit found, of clips that screening leaves out, and of a missing validation split."""
    for name, part in job.streams.items():
        lines = describe_screening(part.screened, part.unit, stream=name if len(job.streams) > 1 else "")
        for line in [*warn_of_leaks(part.dataset), *lines]:
            tell(line)
    if not job.main.validation:
        tell(
            f"warning: '{job.main.dataset}' holds no {job.main.unit}s of the validation split: no epoch can be chosen, the last one is kept "
            "and not registered; prepare with a larger --validation-share or more sources"
        )


def _open_run(job: Job, run_name: str, *, resume: bool, trial: Trial | None) -> Run:
    record = storage.join(job.run_folder, "run_id")
    forget_wish(job.run_folder)
    for leftover in (PROGRESS, DIVERGED):
        storage.remove(storage.join(job.run_folder, leftover))
    if resume and trial is None:
        return resume_run(storage.read_bytes(record).decode())
    earlier = find_run(storage.read_bytes(record).decode()) if trial is not None and storage.exists(record) else None
    if earlier is not None:
        return resume_run(earlier.run_id)
    if list_checkpoints(job.run_folder):
        raise InputError(
            f"--run-name: '{run_name}' exists already in {job.run_folder}; "
            f"choose another name, or continue it with --resume {run_name}"
        )
    parent = None if trial is None else trial.parent_run
    run = start_run(job.recipe, name=os.path.basename(run_name), tags={"stage": "train"}, parent=parent)
    storage.write_bytes(record, run.run_id.encode())
    return run


def _tracked(job: Job, run: Run, start: str | None) -> Job:
    """Return the job with its run, what it builds on, and the weights it starts from."""
    own = {"references": _references(job), "start_folder": _start_folder(job, start)}
    return dataclasses.replace(job, run_id=run.run_id, tracking_uri=run.uri, **own)


def _references(job: Job) -> dict[str, Reference]:
    """Return what the recipe builds on: resolved once, so that a run that goes on keeps what it began with."""
    record = storage.join(job.run_folder, _REFERENCES)
    if storage.exists(record):
        return {name: Reference(**values) for name, values in storage.read_json(record).items()}
    uris = load_recipe(job.recipe).references(job.config)
    found = resolve_references(uris, storage.join(job.run_folder, "references"))
    if found:
        storage.write_json(record, {name: dataclasses.asdict(each) for name, each in found.items()})
    return found


def _start_folder(job: Job, uri: str | None) -> str:
    """Return where the weights lie that a run starts from: copied once, so that all workers and a resumed run have the same."""
    folder = storage.join(job.run_folder, "start")
    if uri is not None and not storage.exists(folder):
        with model_folder(uri) as (found, _):
            recipe = read_description(found).get("recipe")
            if recipe != job.recipe:
                raise InputError(
                    f"--from: '{uri}' is of the recipe {recipe}, not {job.recipe}; give one of {job.recipe}"
                )
            for name in MODEL_FILES:
                storage.copy(storage.join(found, name), storage.join(folder, name))
    return folder if storage.exists(folder) else ""


class WorkerSettings(NamedTuple):
    """What a worker of Ray Train reserves, how many threads it has, and over what workers talk (None: Ray's choice)."""

    reserved: dict[str, float]
    num_threads: int
    backend: str | None


def worker_settings(scaling: Scaling) -> WorkerSettings:
    """Return the settings of every worker; those that share a GPU talk over gloo, as NCCL refuses several ranks on one."""
    reserved = scaling.resources_per_worker or ({"CPU": 1, "GPU": 1} if scaling.use_gpu else {"CPU": 0.5})
    shares_a_gpu = scaling.use_gpu and scaling.num_workers > 1 and reserved.get("GPU", 1) < 1
    return WorkerSettings(reserved, max(1, int(reserved.get("CPU", 1))), "gloo" if shares_a_gpu else None)


def _work(job: Job, scaling: Scaling, trial: Trial | None) -> Callable[[], object]:
    """Return what runs the loop: in this process, or on Ray Train's workers."""
    if scaling.num_workers == 0:
        report: Report = (lambda metrics: None) if trial is None else trial.report
        return functools.partial(train, job, LocalBackend(use_gpu=scaling.use_gpu, report=report))
    settings = worker_settings(scaling)
    # A single worker has the threads of this process, several have as many as they reserve processors.
    num_threads = str(settings.num_threads) if scaling.num_workers > 1 else os.environ.get("OMP_NUM_THREADS")
    trainer = ray.train.torch.TorchTrainer(
        functools.partial(train, job),
        torch_config=ray.train.torch.TorchConfig(backend=settings.backend),
        scaling_config=ray.train.ScalingConfig(
            num_workers=scaling.num_workers, use_gpu=scaling.use_gpu, resources_per_worker=settings.reserved
        ),
        run_config=ray.train.RunConfig(
            name=os.path.basename(job.run_folder),
            storage_path=storage.join(os.path.dirname(job.run_folder), ".ray_train"),
            failure_config=ray.train.FailureConfig(max_failures=2, controller_failure_limit=3),
            worker_runtime_env={"env_vars": {"OMP_NUM_THREADS": num_threads}} if num_threads else None,
            callbacks=None if trial is None else list(trial.callbacks),
        ),
    )
    return trainer.fit


def _run_loop(run: Run, job: Job, scaling: Scaling, trial: Trial | None, progress: Progress) -> None:
    """Run the loop until it ends or is stopped; a sweep's trial has a cluster already, and shows nothing."""
    work = _work(job, scaling, trial)
    if trial is not None:
        with stopping_gently(job.run_folder):
            work()
        return
    record_options(job, scaling)
    with cluster.running() if scaling.num_workers else contextlib.nullcontext():
        run.set_tags({"ray.dashboard": cluster.dashboard_address()})
        if not scaling.num_workers:
            run.watch_system()
        with stopping_gently(job.run_folder):  # within the cluster, which has its own answer to SIGTERM
            _showing(run, work, job.run_folder, progress)


def _showing(run: Run, work: Callable[[], object], run_folder: str, progress: Progress) -> None:
    """Do work in a thread, so that Ctrl-C and progress stay with this one; a wish to stop is on record at once, should the process not outlive it."""
    failure: list[BaseException] = []
    stopping = False

    def do() -> None:
        try:
            work()
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.5)
        if not stopping and is_asked_to_stop(run_folder):
            stopping = True
            run.set_status("KILLED")
        state = storage.join(run_folder, PROGRESS)
        if storage.exists(state):
            progress(storage.read_json(state))
    if failure:
        raise failure[0]


def _refuse_divergence(job: Job) -> None:
    record = storage.join(job.run_folder, DIVERGED)
    if storage.exists(record):
        step = storage.read_json(record)["step"]
        raise DivergedError(
            f"optim.lr: training diverged with {job.config.optim.lr:g}, as the loss is no number since about step {step}; "
            "nothing of it was kept, give a lower --optim.lr"
        )


def _conclude(run: Run, run_folder: str, trial: Trial | None) -> FitResult:
    """Copy the best epoch to `model` and log it; a trial that ran out of its time has finished, as that was its budget."""
    # The checkpoint's own history: writing history.json may have failed after it.
    state = read_state(list_checkpoints(run_folder)[-1])
    history = state["history"]
    best = best_epoch(history)
    folder, source = storage.join(run_folder, "model"), checkpoint_folder(run_folder, best)
    for name in MODEL_FILES:
        storage.copy(storage.join(source, name), storage.join(folder, name))
    storage.write_bytes(storage.join(folder, "run_id"), run.run_id.encode())
    epochs = read_description(folder)["config"]["cadence"]["epochs"]
    finished = state["epoch"] >= epochs or (trial is not None and not is_asked_to_stop(run_folder))
    run.set_tags({"best_epoch": str(best), "finished": str(finished)})
    metrics = next(entry for entry in history if entry["epoch"] == best)
    return FitResult(
        run_id=run.run_id,
        run_folder=run_folder,
        model_folder=folder,
        model_uri=None,
        why_not_registered="",
        metrics=metrics,
        finished=finished,
        seconds={},
    )
