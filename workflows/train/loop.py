"""The one training loop, run by every worker: batches, steps, validation, checkpoints, reports.

From the command line to the gradient: `train/__main__.py` -> `fit.fit` -> `loop.train` -> `_Worker._train_epoch` -> the learner's
`step` -> the recipe's module, whose loss is differentiated there.
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from datasets.reading.reader import Batch
from datasets.reading.screening import describe_screening
from datasets.reading.stream import BatchStream
from infra import storage
from infra.seeding import seed_everything
from workflows.contract.calibration import CalibrationRecord, answers_of, calibrate_on
from workflows.contract.figure import Figure, Rows
from workflows.contract.held_out import HeldOut
from workflows.contract.references import open_reference
from workflows.contract.registry import load_evaluator, load_recipe
from workflows.learners.learner import asking, bare, trained_module
from workflows.train.backend import Backend, TrainBackend, gather, mean_over_workers
from workflows.train.curves import Curves
from workflows.train.interrupt import is_asked_to_stop
from workflows.train.job import Job, digest_plans, read_plans
from workflows.train.progress import ProgressFile
from workflows.trained.checkpoint import (
    checkpoint_folder,
    list_checkpoints,
    load_weights,
    read_state,
    read_weights,
    remove_checkpoint,
    write_checkpoint,
)

OBJECTIVE = "objective"
"""The recipe's objective among the metrics of a validated epoch, whichever figure it is."""
EPOCHS_DONE = "epochs_done"
"""By what schedulers of sweeps count."""
DIVERGED = "diverged.json"

_STEPS_BETWEEN_CHECKS = 10


def train(job: Job, backend: Backend | None = None) -> dict[str, Any]:
    """Train from the last checkpoint of the run if there is one; return the last metrics.

    Args:
        job: what to train.
        backend: where this runs; as one of Ray Train's workers if not given.
    """
    if backend is not None:
        return _Worker(job, backend).run()
    place = TrainBackend()
    worker = _Worker(job, place)
    with worker.watching() if place.is_first_of_machine else contextlib.nullcontext():
        return worker.run()


class _Worker:
    def __init__(self, job: Job, backend: Backend) -> None:
        self.job, self.config, self.backend = job, job.config, backend
        self.rank, self.world_size, self.device = backend.rank, backend.world_size, backend.device
        seed_everything(self.config.seed, rank=self.rank)
        self.recipe = load_recipe(job.recipe)
        self.objective = self.recipe.objective(self.config)
        self.evaluator = load_evaluator(self.recipe.evaluators(self.config)[0])
        self.plans = read_plans(job, rank=self.rank, world_size=self.world_size)
        self.steps_per_epoch = self.plans[next(iter(job.streams))].steps_per_epoch
        self.history: list[dict[str, float]] = []
        self.figures: tuple[Figure, ...] = ()
        self.calibration: CalibrationRecord | None = None
        self.sums: dict[str, float] = {}
        self.recent: dict[str, float] = {"steps": 0.0, "seconds": 0.0, "waited": 0.0}
        self.curves = None
        if self.rank == 0:
            span = 2 if job.main.unit == "pair" else 1
            self.curves = Curves(
                job.run_id,
                uri=job.tracking_uri,
                objective=self.objective,
                clips_per_step=span * self.config.loader.batch_size * self.world_size,
            )
        self.began = time.monotonic()
        self.waited = self.saving = 0.0
        self.progress: ProgressFile | None = None

    def run(self) -> dict[str, Any]:
        cadence = self.config.cadence
        references = {name: open_reference(each) for name, each in self.job.references.items()}
        self.learner = self.recipe.build(self.config, self.job.assets, references)
        checkpoint = (list_checkpoints(self.job.run_folder) or [None])[-1]
        self._place_modules(checkpoint)
        self.learner.begin(total_steps=self.steps_per_epoch * cadence.epochs, device=self.device)
        first_epoch = first_step = 0
        if checkpoint is not None:
            first_epoch, first_step = self._restore(read_state(checkpoint))
        position = first_epoch * self.steps_per_epoch + first_step
        self.progress = self._progress_file(position)
        batches = self._batches(position)
        for epoch in range(first_epoch, cadence.epochs):
            step, ended = self._train_epoch(batches, epoch, first_step)
            if ended == "diverged":
                return {}
            first_step = 0
            due = (epoch + 1) % cadence.validate_every == 0 or epoch + 1 == cadence.epochs
            metrics = self._epoch_metrics(epoch, step, validate=due or ended == "stopped")
            if self.progress is not None and OBJECTIVE in metrics:
                self.progress.show_validation(epoch, metrics[OBJECTIVE])
            if not step:
                self.learner.end_epoch(metrics)
            began = time.monotonic()
            self._keep(epoch, step, metrics)
            self.saving += time.monotonic() - began
            self.backend.report({**metrics, EPOCHS_DONE: epoch + 1})
            if ended == "stopped":
                break
        return self.history[-1] if self.history else {}

    def _place_modules(self, checkpoint: str | None) -> None:
        """Move modules to the device, with the weights of a checkpoint or of the model that is started from, wrapped where there are several workers; seed by rank."""
        source = checkpoint or self.job.start_folder
        weights = read_weights(source) if source else {}
        for name, module in self.learner.modules.items():
            if source:
                load_weights(module, weights, name=name, source=source)
            if self.job.sync_batch_norm:
                module = nn.SyncBatchNorm.convert_sync_batchnorm(module)
            self.learner.modules[name] = self.backend.prepare(module)
        # Building draws weights from the same seed on all ranks; what is drawn from here on differs between them.
        seed_everything(self.config.seed, rank=self.rank)
        for generator in self._generators().values():
            generator.manual_seed(self.config.seed * 1009 + self.rank)

    def _generators(self) -> dict[str, torch.Generator]:
        found = {name: getattr(bare(module), "generator", None) for name, module in self.learner.modules.items()}
        return {name: generator for name, generator in found.items() if generator is not None}

    def _restore(self, state: dict[str, Any]) -> tuple[int, int]:
        done = state["epoch"] / self.config.cadence.epochs
        self.learner.load_state_dict(state["learner"], done=done)
        # An epoch that was stopped in its middle is finished now, and then reported as a whole.
        self.history = [entry for entry in state["history"] if entry["epoch"] < state["epoch"]]
        own = state["ranks"][self.rank % len(state["ranks"])]
        self.sums = dict(own["sums"])
        torch.set_rng_state(own["rng"])
        if own["cuda_rng"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(own["cuda_rng"], self.device)
        for name, generator in self._generators().items():
            generator.set_state(own["generators"][name])
        return state["epoch"], state["step"]

    def _progress_file(self, position: int) -> ProgressFile | None:
        if self.curves is None:
            return None
        return ProgressFile(
            self.job.run_folder,
            steps_per_epoch=self.steps_per_epoch,
            epochs=self.config.cadence.epochs,
            first_step=position,
            clips_per_step=self.curves.clips_per_step,
            objective=self.objective.title,
        )

    def _batches(self, position: int) -> dict[str, Iterator[Batch]]:
        """Return the batches of every stream from a step of the run on."""
        return {
            name: BatchStream(
                self.plans[name], columns=part.columns, config=part.preparation, position=position
            ).batches()
            for name, part in self.job.streams.items()
        }

    def _train_epoch(self, batches: Mapping[str, Iterator[Batch]], epoch: int, first_step: int) -> tuple[int, str]:
        """Return the step reached, 0 for a whole epoch, and how it ended: `whole`, `stopped` or `diverged`."""
        for step in range(first_step + 1, self.steps_per_epoch + 1):
            began = time.monotonic()
            batch = {name: next(stream) for name, stream in batches.items()}
            waited = time.monotonic() - began
            self.waited += waited
            found = {**self.learner.step(batch), "steps": 1.0}
            _add(self.sums, found)
            _add(self.recent, {**found, "waited": waited, "seconds": time.monotonic() - began})
            if self.progress is not None:
                self.progress.show(epoch, step, self.sums, learning_rate=found.get("learning_rate"))
            if step % _STEPS_BETWEEN_CHECKS == 0 or step == self.steps_per_epoch:
                ended = self._check()
                if ended == "diverged":
                    self._record_divergence(epoch, step)
                else:
                    self._draw(epoch, step, last=ended == "stopped" or step == self.steps_per_epoch)
                if ended:
                    return step % self.steps_per_epoch, ended
        return 0, "whole"

    def _check(self) -> str:
        """Return `diverged` or `stopped` where all workers end here: a loss is no number, or rank 0 was asked to stop or is out of time."""
        minutes = self.config.cadence.max_minutes
        stop = self.rank == 0 and (
            is_asked_to_stop(self.job.run_folder)
            or (minutes is not None and time.monotonic() - self.began > 60 * minutes)
        )
        lost = not np.isfinite(self.sums["loss"])
        found = mean_over_workers(self.backend, {"lost": (float(lost), 1.0), "stop": (float(stop), 1.0)})
        return "diverged" if found["lost"] else "stopped" if found["stop"] else ""

    def _draw(self, epoch: int, step: int, *, last: bool) -> None:
        """Add the steps since the last check, of all workers, to the curves; log a point where one is due, and after the last step."""
        steps, times = self.recent["steps"], {name: self.recent[name] for name in ("seconds", "waited")}
        sums = {name: (value, steps) for name, value in self.recent.items() if name not in ("steps", *times)}
        means = mean_over_workers(self.backend, sums)
        self.recent = {"steps": 0.0, "seconds": 0.0, "waited": 0.0}
        if self.curves is not None:
            self.curves.add(means, steps=int(steps), **times)
            if last or self.curves.is_due:
                self.curves.log_point(epoch * self.steps_per_epoch + step, epochs=epoch + step / self.steps_per_epoch)

    def _record_divergence(self, epoch: int, step: int) -> None:
        """Leave word for the driver; no checkpoint is written, so that the last good one stays."""
        if self.rank == 0:
            place = storage.join(self.job.run_folder, DIVERGED)
            storage.write_json(place, {"epoch": epoch, "step": epoch * self.steps_per_epoch + step})

    def _epoch_metrics(self, epoch: int, step: int, *, validate: bool) -> dict[str, float]:
        """Return the metrics of an epoch; of one that stopped at a step, `stopped_at` says so, and it decides no pruning."""
        steps = self.sums.get("steps", 0.0)
        sums = {name: (value, steps) for name, value in self.sums.items() if name != "steps"}
        metrics = {f"train/{name}": value for name, value in mean_over_workers(self.backend, sums).items()}
        if not step:
            self.sums = {}
        elapsed = time.monotonic() - self.began
        metrics |= {"epoch": epoch, "step": epoch * self.steps_per_epoch + (step or self.steps_per_epoch)}
        metrics |= {"data_wait_share": self.waited / max(elapsed, 1e-9)}
        metrics |= {"stopped_at": float(step)} if step else {}
        self.calibration = None
        if validate and self.job.main.validation:
            rows = self._answers()
            self.calibration = self._calibrate(rows)
            if self.rank == 0:
                self.figures = self.evaluator.summarize(rows, intervals=False).figures
            found = {name: float(value) for name, value in self.evaluator.measure(rows).items()}
            metrics |= {f"validation/{name}": value for name, value in found.items()}
            metrics[OBJECTIVE] = found[self.objective.figure]
        metrics |= {"seconds": time.monotonic() - self.began, "saving_seconds": self.saving}
        self.history.append(metrics)
        return metrics

    def _answers(self) -> Rows:
        """Return what the model answers about the validation split, of all workers, in the order of its units."""
        part = self.job.main
        data = HeldOut(
            groups=part.validation,
            preparation=part.preparation,
            batch_size=2 * self.config.loader.batch_size,
            share=(self.rank, self.world_size),
        )
        with asking(trained_module(self.learner)) as module:
            own = self.evaluator.collect(module, data)
        parts = gather(self.backend, own)
        joined = {name: np.concatenate([rows[name] for rows in parts]) for name in parts[0]}
        order = np.argsort(joined["unit"], kind="stable")
        return {name: values[order] for name, values in joined.items()}

    def _calibrate(self, rows: Rows) -> CalibrationRecord | None:
        """Return the calibration of this epoch's weights, which is saved with them; none where the answers are not yes or no."""
        answers, part = answers_of(self.evaluator, rows), self.job.main
        if answers is None:
            return None
        return calibrate_on(answers, dataset=part.dataset, fingerprint=part.card["fingerprint"], split="validation")

    def _keep(self, epoch: int, step: int, metrics: dict[str, float]) -> None:
        """Write a checkpoint and log; rank 0 writes what all ranks need."""
        own = {
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
            "generators": {name: generator.get_state() for name, generator in self._generators().items()},
            "sums": self.sums,
        }
        ranks = gather(self.backend, own)
        if self.rank != 0:
            return
        state = {
            "epoch": epoch if step else epoch + 1,
            "plan": digest_plans(self.plans),
            "step": step,
            "history": self.history,
            "learner": self.learner.state_dict(),
            "ranks": ranks,
        }
        weights = {
            f"{name}.{key}": value
            for name, module in self.learner.modules.items()
            for key, value in bare(module).state_dict().items()
        }
        write_checkpoint(
            checkpoint_folder(self.job.run_folder, epoch),
            weights=weights,
            description=self._description(metrics),
            assets=self.job.assets,
            state=state,
        )
        self._log(epoch * self.steps_per_epoch + (step or self.steps_per_epoch), metrics)
        self._prune()

    def _log(self, step: int, metrics: dict[str, float]) -> None:
        """Log to the run; matplotlib is imported here, as the other ranks do without."""
        from infra.tracking import Run
        from workflows.train.history import write_learning_curve

        run = Run(self.job.run_id, uri=self.job.tracking_uri)
        if self.curves is not None:
            references = [figure.name for figure in self.figures if figure.is_reference]
            self.curves.log_epoch(metrics, step, references=references)
        write_learning_curve(self.job.run_folder, self.history, self.figures, run)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Log the use of this machine as long as the block runs, then wait until all is sent: Ray ends a worker's process as soon as it returns."""
        from infra.tracking import Run

        run = Run(self.job.run_id, uri=self.job.tracking_uri)
        run.watch_system()
        yield
        run.stop_watching()
        run.flush()

    def _description(self, metrics: dict[str, float]) -> dict[str, Any]:
        return {
            "recipe": self.job.recipe,
            "config": dataclasses.asdict(self.config),
            "data": {
                name: {
                    "uri": part.dataset,
                    "fingerprint": part.card["fingerprint"],
                    "preparation": part.card["config"],
                    "columns": part.columns,
                    "screened": describe_screening(part.screened, part.unit),
                }
                for name, part in self.job.streams.items()
            },
            "selection": dataclasses.asdict(self.job.selection),
            "references": {name: dataclasses.asdict(each) for name, each in self.job.references.items()},
            "metrics": metrics,
            **({"calibration": dataclasses.asdict(self.calibration)} if self.calibration else {}),
        }

    def _prune(self) -> None:
        """Remove old checkpoints but the best and the latest few."""
        keep = self.config.cadence.keep_checkpoints
        if not keep:
            return
        # An epoch that stopped in its middle may be the best now; resumed, it is trained on and judged again.
        whole = [entry for entry in self.history if "stopped_at" not in entry]
        best = checkpoint_folder(self.job.run_folder, best_epoch(whole)) if whole else None
        for folder in list_checkpoints(self.job.run_folder)[:-keep]:
            if folder != best:
                remove_checkpoint(folder)


def _add(sums: dict[str, float], values: Mapping[str, float]) -> None:
    for name, value in values.items():
        sums[name] = sums.get(name, 0.0) + value


def best_epoch(history: list[dict[str, float]]) -> int:
    """Return the epoch with the highest objective, the later of equals; the last where none was validated."""
    scored = [entry for entry in history if np.isfinite(entry.get(OBJECTIVE, np.nan))]
    if not scored:
        return int(history[-1]["epoch"])
    return int(max(scored, key=lambda entry: (entry[OBJECTIVE], entry["epoch"]))["epoch"])
