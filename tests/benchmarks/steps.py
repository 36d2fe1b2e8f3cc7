"""What runs on the workers of the training benchmark: every contender in turn, its steps timed from outside.

The plain loop and training on raw frames are held against each other to a few hundredths, less than a processor shared with strangers
changes from one second to the next: they take turns every few steps, each in a thread of its own that rests while the other runs.
"""

import concurrent.futures
import contextlib
import dataclasses
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from datasets.reading.stream import BatchStream
from workflows.contract.registry import load_recipe
from workflows.learners.schedules import make_schedule
from workflows.train.backend import LocalBackend, TrainBackend
from workflows.train.job import Job, read_plans
from workflows.train.loop import train

Times = dict[str, float]
_WARM_STEPS = 5
_STEPS_A_TURN = 8


class _Baton:
    """Lets one of two threads run at a time, until one leaves."""

    def __init__(self, first: str, second: str) -> None:
        self._running, self._other = first, {first: second, second: first}
        self._changed = threading.Condition()

    def take(self, name: str) -> None:
        """Wait for one's turn."""
        with self._changed:
            self._changed.wait_for(lambda: self._running == name)

    def rest(self, name: str) -> None:
        """Give the other its turn, and wait for the next one."""
        with self._changed:
            self._running = self._other[name]
            self._changed.notify_all()
        self.take(name)

    def leave(self, name: str) -> None:
        """Let the other run for good."""
        with self._changed:
            self._running = self._other[name]
            self._other[self._running] = self._running
            self._changed.notify_all()


class _Watch:
    """When steps of one thread begin and end, told by hooks of the network and of any optimizer.

    Args:
        rest: called before every eighth step; the clock stands still meanwhile.
    """

    def __init__(self, rest: Callable[[], None] = lambda: None) -> None:
        self.begins: list[float] = []
        self.ends: list[float] = []
        self._rest, self._rested = rest, 0.0

    def follow(self, module: nn.Module) -> nn.Module:
        """Return the module, whose training steps are written down from now on."""
        module.register_forward_pre_hook(self._begin)
        return module

    def _begin(self, module: nn.Module, inputs: Any) -> None:
        if module.training:
            if self.begins and len(self.begins) % _STEPS_A_TURN == 0:
                began = time.perf_counter()
                self._rest()
                self._rested += time.perf_counter() - began
            self.begins.append(time.perf_counter() - self._rested)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Write down the ends of this thread's steps for as long as the block runs."""
        thread = threading.get_ident()

        def end(*given: Any) -> None:
            if threading.get_ident() == thread:
                self.ends.append(time.perf_counter() - self._rested)

        hook = register_optimizer_step_post_hook(end)
        try:
            yield
        finally:
            hook.remove()

    def times(self, *, clips_a_step: int) -> Times:
        """Return clips per second and the share of waiting over all steps but the first few."""
        begins, ends = self.begins[_WARM_STEPS:], self.ends[_WARM_STEPS:]
        seconds = begins[-1] - begins[0]
        waited = sum(begin - end for end, begin in zip(ends, begins[1:], strict=False))
        return {"rate": clips_a_step * (len(begins) - 1) / seconds, "wait_share": waited / seconds}


class _Alone(LocalBackend):
    """One worker without the other."""

    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self.watch = watch

    def prepare(self, module: nn.Module) -> nn.Module:
        return self.watch.follow(super().prepare(module))


class _Together(TrainBackend):
    """Both workers."""

    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self.watch = watch

    def prepare(self, module: nn.Module) -> nn.Module:
        return self.watch.follow(super().prepare(module))


def compete(jobs: dict[str, Job], *, rounds: int, epochs: int, result: str) -> None:
    """Write what every contender measured in every round; runs on both workers.

    Args:
        jobs: what is trained, by its storage.
        rounds: how often all contenders run.
        epochs: how many of the plain loop and of training on raw frames there are in a round.
        result: file of JSON.
    """
    rank = TrainBackend().rank
    batches = _batches(jobs["raw"]) if rank == 0 else []
    found: dict[str, list[Times]] = {name: [] for name in ("plain", *jobs, *(f"two_{name}" for name in jobs))}
    for number in range(rounds):
        if rank == 0:
            for epoch in range(epochs):
                order = ("plain", "raw") if epoch % 2 == 0 else ("raw", "plain")
                for name, times in _side_by_side(_own(jobs["raw"], f"one-{number}-{epoch}"), batches, order).items():
                    found[name].append(times)
            found["h264"].append(_timed(_own(jobs["h264"], f"one-{number}"), _Alone(_Watch())))
            Path(f"{result}.{number}").touch()
        while not Path(f"{result}.{number}").exists():
            time.sleep(0.2)
        torch.distributed.barrier()
        for name, job in jobs.items():
            found[f"two_{name}"].append(_timed(_own(job, f"two-{number}"), _Together(_Watch())))
    if rank == 0:
        Path(result).write_text(json.dumps(found))


def _side_by_side(job: Job, batches: list[dict[str, Any]], order: tuple[str, str]) -> dict[str, Times]:
    """Return the times of an epoch of the plain loop and of one of training, a few steps of each in turn."""
    baton = _Baton(*order)

    def run(name: str) -> Times:
        watch = _Watch(lambda: baton.rest(name))
        try:
            baton.take(name)
            return plain_loop(job, batches, watch) if name == "plain" else _timed(job, _Alone(watch))
        finally:
            baton.leave(name)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(zip(order, pool.map(run, order), strict=True))


def plain_loop(job: Job, batches: list[dict[str, Any]], watch: _Watch) -> Times:
    """Return the times of the loop that anyone would write, with PyTorch's defaults and on batches that are there."""
    learner = load_recipe(job.recipe).build(job.config, job.assets, {})
    module = watch.follow(learner.modules["network"])
    optim = job.config.optim
    assert optim.name == "adamw"
    optimizer = torch.optim.AdamW(module.parameters(), lr=optim.lr, weight_decay=optim.weight_decay)
    schedule = make_schedule(job.config.schedule, optimizer, len(batches))
    module.train()
    with watch.running():
        for batch in batches:
            optimizer.zero_grad(set_to_none=True)
            values = module({"clips": batch})
            values["loss"].backward()
            nn.utils.clip_grad_norm_(module.parameters(), optim.gradient_clip)
            optimizer.step()
            schedule.step()
            values["loss"].item()
    return watch.times(clips_a_step=len(batches[0]["frames"]))


def _timed(job: Job, reporter: _Alone | _Together) -> Times:
    with reporter.watch.running():
        train(job, reporter)
    return reporter.watch.times(clips_a_step=2 * job.config.loader.batch_size * reporter.world_size)


def _own(job: Job, name: str) -> Job:
    """Return the job in a folder of its own, so that it begins anew."""
    return dataclasses.replace(job, run_folder=f"{job.run_folder}-{name}")


def _batches(job: Job) -> list[dict[str, Any]]:
    """Return the batches of an epoch as tensors."""
    plan = read_plans(job, rank=0, world_size=1)["clips"]
    stream = BatchStream(plan, columns=job.main.columns, config=job.main.preparation)
    return [
        {name: torch.as_tensor(batch[name]) for name in job.main.columns}
        for batch in itertools.islice(stream.batches(), plan.steps_per_epoch)
    ]
