"""What runs on the workers of the training benchmark: every contender in turn, its steps timed from outside."""

import contextlib
import dataclasses
import functools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from datasets.preparation_config import PreparationConfig
from datasets.stream import Stream
from workflows.learner import make_schedule
from workflows.loop import Job, read_plan, train
from workflows.recipe import load_recipe
from workflows.reporter import LocalReporter, TrainReporter

Times = dict[str, float]
_WARM_STEPS = 5


class _Watch:
    """When steps begin and end, told by hooks of the network and of any optimizer."""

    def __init__(self) -> None:
        self.begins: list[float] = []
        self.ends: list[float] = []

    def follow(self, module: nn.Module) -> nn.Module:
        """Return the module, whose training steps are written down from now on."""
        module.register_forward_pre_hook(self._begin)
        return module

    def _begin(self, module: nn.Module, inputs: Any) -> None:
        if module.training:
            self.begins.append(time.perf_counter())

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Write down the ends of steps for as long as the block runs."""
        hook = register_optimizer_step_post_hook(lambda *given: self.ends.append(time.perf_counter()))
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


class _Alone(LocalReporter):
    """One worker without the other."""

    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self.watch = watch

    def prepare(self, module: nn.Module) -> nn.Module:
        return self.watch.follow(super().prepare(module))


class _Together(TrainReporter):
    """Both workers."""

    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self.watch = watch

    def prepare(self, module: nn.Module) -> nn.Module:
        return self.watch.follow(super().prepare(module))


def compete(jobs: dict[str, Job], *, rounds: int, turns: int, result: str) -> None:
    """Write what every contender measured in every round; runs on both workers.

    In a round the plain loop and training on raw frames take several turns: they are held against each other to a few hundredths.
    """
    rank = TrainReporter().rank
    batches = _batches(jobs["raw"]) if rank == 0 else []
    found: dict[str, list[Times]] = {name: [] for name in ("plain", *jobs, *(f"two_{name}" for name in jobs))}
    for number in range(rounds):
        if rank == 0:
            for turn in range(turns):
                pair = {
                    "plain": functools.partial(plain_loop, jobs["raw"], batches),
                    "raw": functools.partial(_timed, _own(jobs["raw"], f"one-{number}-{turn}"), _Alone),
                }
                for name in sorted(pair, reverse=turn % 2 == 1):
                    found[name].append(pair[name]())
            found["h264"].append(_timed(_own(jobs["h264"], f"one-{number}"), _Alone))
            Path(f"{result}.{number}").touch()
        while not Path(f"{result}.{number}").exists():
            time.sleep(0.2)
        torch.distributed.barrier()
        for name, job in jobs.items():
            found[f"two_{name}"].append(_timed(_own(job, f"two-{number}"), _Together))
    if rank == 0:
        Path(result).write_text(json.dumps(found))


def plain_loop(job: Job, batches: list[dict[str, Any]]) -> Times:
    """Return the times of the loop that anyone would write, with PyTorch's defaults and on batches that are there."""
    learner = load_recipe(job.recipe).build(job.config)
    watch = _Watch()
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


def _timed(job: Job, reporter: type[_Alone] | type[_Together]) -> Times:
    watch = _Watch()
    here = reporter(watch)
    with watch.running():
        train(job, here)
    return watch.times(clips_a_step=2 * job.config.loader.batch_pairs * here.world_size)


def _own(job: Job, name: str) -> Job:
    """Return the job in a folder of its own, so that it begins anew."""
    return dataclasses.replace(job, run_folder=f"{job.run_folder}-{name}")


def _batches(job: Job) -> list[dict[str, Any]]:
    """Return the batches of an epoch as tensors."""
    plan, config = read_plan(job, rank=0, world_size=1), PreparationConfig.from_dict(job.card["config"])
    columns = load_recipe(job.recipe).streams(job.config)["clips"]
    stream = Stream(plan, columns=columns, config=config, first_epoch=0, num_epochs=1)
    return [{name: torch.as_tensor(batch[name]) for name in columns} for batch in stream.epoch(0)]
