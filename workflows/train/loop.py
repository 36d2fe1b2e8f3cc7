"""The one training loop, run by every worker: batches, steps, validation, checkpoints, reports."""

import dataclasses
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.distributed
from torch import nn

from datasets.config import PreparationConfig
from datasets.reading.read_plan import ReadPlan
from datasets.reading.reader import RowGroup, read_pairs
from datasets.reading.selection import Screened, Selection
from datasets.reading.stream import Stream
from infra import storage
from infra.seeding import seed_everything
from workflows.contract.registry import load_recipe
from workflows.train.backend import Reporter, TrainReporter
from workflows.trained.checkpoint import (
    list_checkpoints,
    read_state,
    read_weights,
    remove_checkpoint,
    write_checkpoint,
)

EPOCHS_DONE = "epochs_done"
"""By what schedulers of sweeps count."""

_STEPS_BETWEEN_CHECKS = 10
_SECONDS_BETWEEN_SIGNS = 1.0
_TRAIN_EVALUATION_PAIRS = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What every worker is told."""

    recipe: str
    config: Any
    dataset: str
    card: dict[str, Any]
    selection: Selection
    groups: tuple[RowGroup, ...]
    """What all ranks train on: listed once, as a preparation may add to the dataset at any time."""
    held_out: tuple[RowGroup, ...]
    labels: tuple[tuple[str, ...], ...]
    """Classes of the pairs of `groups`, where they are balanced."""
    screened: dict[str, Screened]
    """What the selection left of each split."""
    run_folder: str
    run_id: str
    tracking_uri: str


def read_plan(job: Job, *, rank: int, world_size: int) -> ReadPlan:
    """Return what one of the workers reads in which order."""
    preparation, loader = PreparationConfig.from_dict(job.card["config"]), job.config.loader
    pair_bytes = 2 * preparation.num_frames * preparation.size**2 * 3
    return ReadPlan(
        groups=job.groups,
        batch_pairs=loader.batch_pairs,
        world_size=world_size,
        rank=rank,
        seed=job.config.seed,
        pool_pairs=max(loader.batch_pairs, loader.pool_mb * 2**20 // pair_bytes),
        labels=job.labels,
    )


def train(job: Job, reporter: Reporter | None = None) -> dict[str, Any]:
    """Train from the last checkpoint of the run if there is one; return the last metrics.

    Args:
        job: what to train.
        reporter: where this runs; as one of Ray Train's workers if not given.
    """
    return _Worker(job, reporter or TrainReporter()).run()


class _Worker:
    def __init__(self, job: Job, reporter: Reporter) -> None:
        self.job, self.config, self.reporter = job, job.config, reporter
        self.rank, self.world_size, self.device = reporter.rank, reporter.world_size, reporter.device
        seed_everything(self.config.seed, rank=self.rank)
        self.recipe = load_recipe(job.recipe)
        self.preparation = PreparationConfig.from_dict(job.card["config"])
        self.columns = self.recipe.streams(self.config)["clips"]
        self.groups, self.held_out = job.groups, job.held_out
        self.plan = read_plan(job, rank=self.rank, world_size=self.world_size)
        self.history: list[dict[str, float]] = []
        self.began = time.monotonic()
        self.waited = self.saving = self.shown = 0.0

    def run(self) -> dict[str, Any]:
        cadence = self.config.cadence
        self.learner = self.recipe.build(self.config)
        checkpoint = (list_checkpoints(self.job.run_folder) or [None])[-1]
        self._place_modules(checkpoint)
        total = self.plan.steps_per_epoch * cadence.epochs
        self.learner.begin(total_steps=total, device=self.device)
        first_epoch = first_step = 0
        if checkpoint is not None:
            first_epoch, first_step = self._restore(read_state(checkpoint))
        stream = Stream(
            self.plan,
            columns=self.columns,
            config=self.preparation,
            first_epoch=first_epoch,
            num_epochs=cadence.epochs,
        )
        for epoch in range(first_epoch, cadence.epochs):
            step, stopped, sums = self._train_epoch(stream, epoch, first_step)
            first_step = 0
            due = (epoch + 1) % cadence.validate_every == 0 or epoch + 1 == cadence.epochs
            metrics = self._epoch_metrics(epoch, sums, validate=due or stopped)
            self.learner.end_epoch(metrics)
            began = time.monotonic()
            self._keep(epoch, step, metrics)
            self.saving += time.monotonic() - began
            self.reporter.report({**metrics, EPOCHS_DONE: epoch + 1})
            if stopped:
                break
        return self.history[-1] if self.history else {}

    def _place_modules(self, checkpoint: str | None) -> None:
        """Move modules to the device, with the weights of a checkpoint, wrapped where there are several workers."""
        weights = {} if checkpoint is None else read_weights(checkpoint)
        for name, module in self.learner.modules.items():
            if checkpoint is not None:
                own = {k.removeprefix(f"{name}."): v for k, v in weights.items() if k.startswith(f"{name}.")}
                module.load_state_dict(own)
            if getattr(self.config, "sync_batch_norm", False):
                module = nn.SyncBatchNorm.convert_sync_batchnorm(module)
            self.learner.modules[name] = self.reporter.prepare(module)

    def _restore(self, state: dict[str, Any]) -> tuple[int, int]:
        done = state["epoch"] / self.config.cadence.epochs
        self.learner.load_state_dict(state["learner"], done=done)
        # An epoch that was stopped in its middle is finished now, and then reported as a whole.
        self.history = [entry for entry in state["history"] if entry["epoch"] < state["epoch"]]
        torch.set_rng_state(state["rng"][self.rank % len(state["rng"])])
        for name, generators in state["generators"].items():
            generator = getattr(_bare(self.learner.modules[name]), "generator", None)
            if generator is not None:
                generator.set_state(generators[self.rank % len(generators)])
        return state["epoch"], state["step"]

    def _train_epoch(self, stream: Stream, epoch: int, first_step: int) -> tuple[int, bool, dict[str, float]]:
        """Return the step reached, whether the run must stop, and the sums of the steps' metrics."""
        sums: dict[str, float] = {}
        step, num_steps = first_step, self.plan.steps_per_epoch
        batches = stream.epoch(epoch, first_step=first_step)
        while step < num_steps:
            began = time.monotonic()
            batch = next(batches)
            self.waited += time.monotonic() - began
            for name, value in self.learner.step({"clips": batch}).items():
                sums[name] = sums.get(name, 0.0) + value
            sums["steps"] = sums.get("steps", 0.0) + 1
            step += 1
            if step % _STEPS_BETWEEN_CHECKS == 0 or step == num_steps:
                self._show(epoch, step, sums)
                if self._must_stop():
                    return step % num_steps, True, sums
        return 0, False, sums

    def _show(self, epoch: int, step: int, sums: Mapping[str, float]) -> None:
        """Leave the progress where the driver shows it, now and then and at the end of an epoch."""
        now = time.monotonic()
        if self.rank == 0 and (step == self.plan.steps_per_epoch or now - self.shown > _SECONDS_BETWEEN_SIGNS):
            self.shown = now
            progress = {
                "epoch": epoch,
                "epochs": self.config.cadence.epochs,
                "step": epoch * self.plan.steps_per_epoch + step,
                "steps": self.config.cadence.epochs * self.plan.steps_per_epoch,
                "loss": sums["loss"] / sums["steps"],
                "sync_accuracy": sums.get("sync_accuracy", 0.0) / sums["steps"],
            }
            storage.write_json(storage.join(self.job.run_folder, "progress.json"), progress)

    def _must_stop(self) -> bool:
        """Return whether all workers stop here: asked for, or out of time; rank 0 decides."""
        minutes = self.config.cadence.max_minutes
        late = minutes is not None and time.monotonic() - self.began > 60 * minutes
        asked = self.rank == 0 and storage.exists(storage.join(self.job.run_folder, "stop"))
        return self._sum({"stop": (float(late or asked) if self.rank == 0 else 0.0, 1.0)})["stop"] > 0

    def _epoch_metrics(self, epoch: int, sums: dict[str, float], *, validate: bool) -> dict[str, float]:
        steps = sums.pop("steps", 0.0)
        means = self._sum({name: (value, steps) for name, value in sums.items()})
        metrics = {f"train/{name}": value for name, value in means.items()}
        elapsed = time.monotonic() - self.began
        metrics |= {"epoch": epoch, "data_wait_share": self.waited / max(elapsed, 1e-9)}
        if validate:
            for split, groups in (("train", self._sample()), ("validation", self.held_out)):
                totals = self._sum(self.learner.evaluate(self._reader(groups)))
                for name, value in totals.items():
                    metrics.setdefault(f"{split}/{name}", value)
            own = {k.removeprefix("validation/"): v for k, v in metrics.items() if k.startswith("validation/")}
            if "sync_accuracy" in own:
                metrics["selection"] = self.recipe.selection(own)
        metrics |= {"seconds": time.monotonic() - self.began, "saving_seconds": self.saving}
        self.history.append(metrics)
        return metrics

    def _sample(self) -> list[RowGroup]:
        """Return a few training pairs to evaluate like the held-out ones."""
        left, sample = _TRAIN_EVALUATION_PAIRS * self.world_size, []
        for group in self.groups:
            if left > 0:
                rows = group.pair_rows[:left]
                sample.append(dataclasses.replace(group, pair_rows=rows))
                left -= len(rows)
        return sample

    def _reader(self, groups: Sequence[RowGroup]):
        def read(columns: Iterable[str]):
            return read_pairs(
                groups,
                columns=tuple(columns),
                config=self.preparation,
                batch_pairs=2 * self.config.loader.batch_pairs,
                share=(self.rank, self.world_size),
            )

        return read

    def _sum(self, totals: dict[str, tuple[float, float]]) -> dict[str, float]:
        """Return the mean over all workers' sums and counts."""
        if not totals and self.world_size == 1:
            return {}
        names = sorted(totals)
        table = torch.tensor([totals[name] for name in names], dtype=torch.float64)
        if self.world_size > 1:
            table = table.to(self.device)
            torch.distributed.all_reduce(table)
            table = table.cpu()
        return {
            name: float(total / count) if count else float("nan")
            for name, (total, count) in zip(names, table.tolist(), strict=True)
        }

    def _keep(self, epoch: int, step: int, metrics: dict[str, float]) -> None:
        """Write a checkpoint and log; rank 0 writes what all ranks need."""
        generators = {name: getattr(_bare(module), "generator", None) for name, module in self.learner.modules.items()}
        own = {
            "rng": torch.get_rng_state(),
            **{name: g.get_state() for name, g in generators.items() if g is not None},
        }
        states: list[Any] = [own]
        if self.world_size > 1:
            states = [None] * self.world_size
            torch.distributed.all_gather_object(states, own)
        if self.rank != 0:
            return
        folder = storage.join(self.job.run_folder, "checkpoints", f"epoch-{epoch:04d}")
        state = {
            "epoch": epoch if step else epoch + 1,
            "plan": self.plan.digest,
            "selection": dataclasses.asdict(self.job.selection),
            "step": step,
            "history": self.history,
            "learner": self.learner.state_dict(),
            "rng": [other["rng"] for other in states],
            "generators": {name: [other[name] for other in states] for name in generators if name in own},
        }
        weights = {
            f"{name}.{key}": value
            for name, module in self.learner.modules.items()
            for key, value in _bare(module).state_dict().items()
        }
        write_checkpoint(folder, weights=weights, description=self._description(metrics), state=state)
        self._log(epoch, metrics)
        self._prune()

    def _log(self, epoch: int, metrics: dict[str, float]) -> None:
        """Log to the run; only here are MLflow and matplotlib imported, seconds that the other ranks save."""
        from infra.tracking import Run
        from workflows.train.history import write_learning_curve

        run = Run(self.job.run_id, uri=self.job.tracking_uri)
        run.log_metrics({name: value for name, value in metrics.items() if value == value}, step=epoch)
        write_learning_curve(self.job.run_folder, self.history, run)

    def _description(self, metrics: dict[str, float]) -> dict[str, Any]:
        return {
            "recipe": self.job.recipe,
            "config": dataclasses.asdict(self.config),
            "preparation": self.job.card["config"],
            "dataset": {"uri": self.job.dataset, "fingerprint": self.job.card["fingerprint"]},
            "selection": dataclasses.asdict(self.job.selection),
            "metrics": metrics,
        }

    def _prune(self) -> None:
        """Remove old checkpoints but the best and the latest few."""
        keep = self.config.cadence.keep_checkpoints
        if not keep:
            return
        best = best_epoch(self.history)
        for folder in list_checkpoints(self.job.run_folder)[:-keep]:
            if not folder.endswith(f"epoch-{best:04d}"):
                remove_checkpoint(folder)


def best_epoch(history: list[dict[str, float]]) -> int:
    """Return the epoch that beats its best shortcut by most, the later of equals; the last where none was validated."""
    scored = [entry for entry in history if entry.get("selection", float("nan")) == entry.get("selection")]
    if not scored:
        return int(history[-1]["epoch"])
    return int(max(scored, key=lambda entry: (entry["selection"], entry["epoch"]))["epoch"])


def _bare(module: nn.Module) -> nn.Module:
    return getattr(module, "module", module) if isinstance(module, nn.parallel.DistributedDataParallel) else module
