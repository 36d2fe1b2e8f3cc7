"""Augmentation on the device, against frames that were cut and mirrored when they were prepared."""

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from models.frontends.augmentation import augment, scale_frames
from tests.benchmarks.measure import Row, Setting, middle, spread, take_turns
from workflows.recipes import multisensory

NAMES = ("augmentation_share",)
_STORED = 74
"""Pixels from which the demo's 64 are cut, in the proportion of the published 256 and 224."""


def measure(setting: Setting) -> Iterator[Row]:
    """Yield the share of a step that augmentation on the device takes."""
    config = dataclasses.replace(multisensory.demo(), num_frames=30)
    chance, clips = np.random.default_rng(0), 2 * config.loader.batch_size
    stored = chance.integers(0, 255, (clips, config.num_frames, _STORED, _STORED, 3), np.uint8)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    frames = torch.as_tensor(stored).to(device)
    baked = frames[:, :, : config.crop_size, : config.crop_size].contiguous()
    sound = chance.normal(-8, 3, (clips, config.num_bins, config.num_hops)).astype(np.float32)
    learner = multisensory.build(config, {}, {})
    learner.modules["network"].to(device)
    learner.begin(total_steps=1000, device=device)
    generator = torch.Generator().manual_seed(0)
    seconds = take_turns(
        {
            "step": functools.partial(_seconds, lambda: learner.step({"clips": {"frames": frames, "log_mel": sound}})),
            "augment": functools.partial(_seconds, lambda: augment(frames, size=config.crop_size, generator=generator)),
            "baked": functools.partial(_seconds, lambda: scale_frames(baked)),
        },
        rounds=setting.choose(quick=15, full=60),
    )
    shares = [
        (ours - theirs) / step
        for ours, theirs, step in zip(seconds["augment"], seconds["baked"], seconds["step"], strict=True)
    ]
    milliseconds = {name: middle([1000 * value for value in values]) for name, values in seconds.items()}
    low, median, high = np.quantile(shares, (0.25, 0.5, 0.75)).tolist()
    detail = (
        f"share of a step ({milliseconds['step']} ms, demo preset, {device.type}) that cutting {config.crop_size} of {_STORED} pixels and "
        f"mirroring add: {milliseconds['augment']} ms, {milliseconds['baked']} where they were baked in; quartiles"
    )
    row = spread(NAMES[0], shares, target=None, detail=detail)
    yield dataclasses.replace(row, ratio=median, low=low, high=high)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began
