"""The published network on a GPU: clips per second, model FLOP utilization and memory, by precision and compilation."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.benchmarks.measure import Row, Setting, skipped, spread
from workflows.recipes import multisensory

_MODES = ("fp32", "bf16", "compile")
NAMES = tuple(f"gpu_{mode}_vs_fp32" for mode in _MODES)
_PEAK_FLOPS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L4": 121e12, "T4": 65e12}
"""Dense bf16 (T4: fp16) tensor FLOP per second, as the makers state; all modes are held against it."""


def measure(setting: Setting) -> Iterator[Row]:
    """Yield clips per second of each mode against plain fp32; skipped where there is no GPU."""
    if not torch.cuda.is_available():
        for name in NAMES:
            yield skipped(name, target=None, reason="there is no GPU")
        return
    config = multisensory.paper()
    batch = example(config, torch.device("cuda"))
    flops = _flops(config)
    steps = setting.choose(quick=10, full=50)
    base: float | None = None
    for mode, name in zip(_MODES, NAMES, strict=True):
        if base is not None and not setting.wants(name):
            continue
        rate, memory = _speed(stepper(mode, config, batch), len(batch["frames"]), steps)
        base = base or rate
        yield spread(
            name,
            [rate / base],
            target=None,
            detail=f"{rate:.1f} clips/s, {_utilization(flops * rate / len(batch['frames']))}, {memory:.1f} GiB; paper() with batches of "
            f"{len(batch['frames'])} clips on {torch.cuda.get_device_name()}",
        )


def example(config: multisensory.Config, device: torch.device) -> dict[str, torch.Tensor]:
    """Return a batch of noise on a device, frames as large as the crop."""
    clips, size = 2 * config.loader.batch_size, config.crop_size
    frames = torch.randint(0, 256, (clips, config.num_frames, size, size, 3), dtype=torch.uint8, device=device)
    return {
        "frames": frames,
        "waveform": torch.rand(clips, 1, config.num_samples, device=device) - 0.5,
        "log_mel": torch.rand(clips, config.num_bins, config.num_hops, device=device) - 8,
    }


def stepper(mode: str, config: multisensory.Config, batch: dict[str, torch.Tensor]) -> Callable[[], Any]:
    """Return what takes one step of training in a mode: each but the first is bf16, which is how `train` computes on a GPU."""
    device = batch["frames"].device
    module: Any = multisensory.build(config, {}, {}).modules["network"].to(device)
    if mode == "compile":
        for part in module.network.children():  # crops differ from step to step, so what augments is not compiled
            part.compile(dynamic=False)
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-3, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16) if mode != "fp32" else contextlib.nullcontext():
            loss = module({"clips": batch})["loss"]
        loss.backward()
        optimizer.step()

    return step


def _speed(step: Callable[[], Any], num_clips: int, steps: int) -> tuple[float, float]:
    """Return clips per second and the greatest memory in GiB."""
    torch.cuda.reset_peak_memory_stats()
    for _ in range(3):
        step()
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(steps):
        step()
    torch.cuda.synchronize()
    return num_clips * steps / (time.perf_counter() - began), torch.cuda.max_memory_allocated() / 2**30


def _flops(config: multisensory.Config) -> float:
    """Return the FLOP of one step, forward and backward, as the network is defined."""
    step = stepper("fp32", config, example(config, torch.device("meta")))
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def _utilization(flops_per_second: float) -> str:
    name = torch.cuda.get_device_name()
    peak = next((value for key, value in _PEAK_FLOPS.items() if key in name), None)
    share = "" if peak is None else f" ({flops_per_second / peak:.1%} of bf16's peak)"
    return f"{flops_per_second / 1e12:.1f} TFLOP/s{share}"
