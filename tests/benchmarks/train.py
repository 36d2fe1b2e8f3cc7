"""Training: against a plain PyTorch loop on tensors in memory, two workers against one, and how long steps wait for data.

All of it runs in one group of two of Ray Train's workers, each on one thread. One worker alone is rank 0 while rank 1 sleeps, so
that the contenders take turns in the same processes.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path

import ray.train
import ray.train.torch

from datasets.preparation.preparation import Preparation
from datasets.presets import PRESETS
from datasets.sources.listing import render_scenes
from datasets.sources.source import Source
from infra.tracking import ending, start_run
from tests.benchmarks import steps
from tests.benchmarks.measure import Row, Setting, middle, spread, versus
from workflows.contract.config import CadenceConfig
from workflows.recipes import multisensory
from workflows.train.job import Job, Scaling, make_job

_WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    # Where dozens of trainings follow one another in a process, glibc may come to give memory back at every step and to fetch it again,
    # for the rest of one training and not of the next: they differ by a tenth and more. A process that trains once does not get there.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
}
NAMES = ("train_vs_plain_loop", "train_2_workers_vs_1", "data_wait_share_raw", "data_wait_share_h264")
STORAGES = ("raw", "h264")
_PAIRS_PER_VIDEO = 6


def measure(setting: Setting) -> Iterator[Row]:
    """Yield the rows of training."""
    num_videos = setting.choose(quick=12, full=48)
    with ending(start_run("bench", name="train")) as run:
        scenes = str(setting.folder / "training-scenes")
        sources = render_scenes(scenes, num_videos=num_videos, level="medium", config=PRESETS["demo"])
        jobs = {storage: _job(setting, storage, sources, run.run_id) for storage in STORAGES}
        epochs = setting.choose(quick=2, full=6)
        results = _run(jobs, setting, rounds=setting.choose(quick=1, full=5), epochs=epochs)
    batch = jobs["raw"].config.loader.batch_size * 2
    about = f"demo preset, {batch} clips a step"
    rates = {name: [round_["rate"] for round_ in rounds] for name, rounds in results.items()}
    yield versus(
        NAMES[0],
        rates["raw"],
        rates["plain"],
        target=">= 0.97",
        detail=f"{middle(rates['raw'])} clips/s with 1 worker on raw, the plain loop {middle(rates['plain'])}; {about}",
    )
    yield versus(
        NAMES[1],
        rates["two_raw"],
        rates["raw"][epochs - 1 :: epochs],
        target=None,
        detail=f"{middle(rates['two_raw'])} clips/s of both, of one {middle(rates['raw'])}; {about}",
    )
    for name, storage in zip(NAMES[2:], STORAGES, strict=True):
        one, two = ([round_["wait_share"] for round_ in results[who]] for who in (storage, f"two_{storage}"))
        yield spread(
            name,
            one,
            target="<= 0.05",
            detail=f"share of the time between one step's end and the next one's begin, 1 worker; with 2 workers {middle(two)}; "
            f"{middle(rates[storage])} clips/s with 1 worker",
        )


def _job(setting: Setting, storage: str, sources: list[Source], run_id: str) -> Job:
    """Return an epoch of training on scenes, validated on a few of them."""
    config = dataclasses.replace(
        PRESETS["demo"], storage=storage, pairs_per_video=_PAIRS_PER_VIDEO, validation_share=0.1, test_share=0.0
    )
    folder = str(setting.folder / f"training-{storage}")
    preparation = Preparation(folder, config, num_workers=2)
    preparation.plan(sources)
    preparation.run()
    recipe = dataclasses.replace(multisensory.demo(), cadence=CadenceConfig(epochs=1))
    job = make_job("multisensory", recipe, data=folder, run_name=f"{folder}-run", scaling=Scaling(num_workers=2))
    held_out = tuple(dataclasses.replace(group, units=group.units[:2]) for group in job.main.validation[:1])
    return dataclasses.replace(
        job, streams={"clips": dataclasses.replace(job.main, validation=held_out)}, run_id=run_id
    )


def _run(jobs: dict[str, Job], setting: Setting, *, rounds: int, epochs: int) -> dict[str, list[dict[str, float]]]:
    result = Path(setting.folder, "steps.json")
    trainer = ray.train.torch.TorchTrainer(
        functools.partial(steps.compete, jobs, rounds=rounds, epochs=epochs, result=str(result)),
        scaling_config=ray.train.ScalingConfig(num_workers=2, resources_per_worker={"CPU": 0.5}),
        run_config=ray.train.RunConfig(
            name="bench",
            storage_path=os.path.join(setting.folder, ".ray_train"),
            worker_runtime_env={"env_vars": _WORKER_ENVIRONMENT},
        ),
    )
    trainer.fit()
    return json.loads(result.read_text())
