"""The same clips by the ffmpeg program: in one pass, and as a chain of processes that each decode and encode."""

import functools
import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from datasets.config import PreparationConfig
from datasets.preparation.shards import PlannedSource

_X264 = "-preset superfast -tune fastdecode -crf 20 -g 12 -bf 0"
"""As our own encoder is set."""


class Clip(NamedTuple):
    """A file, and where the clip begins on its own clock."""

    path: str
    start_seconds: float


class Contender(NamedTuple):
    """A way to make a clip, and what it is called."""

    make: Callable[[Clip, PreparationConfig, Path], None]
    words: str


@functools.cache
def program() -> str | None:
    """Return where the ffmpeg program is."""
    return shutil.which("ffmpeg")


@functools.cache
def version() -> str:
    """Return which ffmpeg it is."""
    said = subprocess.run([str(program()), "-version"], capture_output=True, text=True, check=True).stdout.split()
    return f"ffmpeg {said[2].partition('-')[0]}"


def run_all(
    contender: Contender, sources: Sequence[PlannedSource], config: PreparationConfig, folder: Path, *, at_once: int
) -> None:
    """Make the clips of planned sources, some at a time."""
    folder.mkdir(exist_ok=True)
    clips = [Clip(source.path, window.start_seconds) for source in sources for window in source.windows]
    places = [folder / str(number) for number in range(len(clips))]
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda clip, place: contender.make(clip, config, place), clips, places))


def _one_pass(clip: Clip, config: PreparationConfig, place: Path) -> None:
    scale = f"fps={config.frame_rate},scale={config.size}:{config.size}:flags=bilinear"
    picture = ["-vf", scale, "-c:v", "libx264", *_X264.split(), "-pix_fmt", "yuv420p"]
    _run(*_cut(clip, config), *picture, *_sound(config), str(place.with_suffix(".mkv")))


def _chain(clip: Clip, config: PreparationConfig, place: Path) -> None:
    """Make a clip by four processes, with the options of video2dataset 1.3.

    There the first cuts a whole file into segments; here it only cuts the clip, which takes less.
    """
    size = config.size
    cut, scaled, timed = (str(place.with_suffix(f".{step}.mp4")) for step in ("cut", "scaled", "timed"))
    _run(*_cut(clip, config), "-g", "10", cut)
    _run("-i", cut, "-vf", f"scale=-2:{size},crop=w='min(iw,{size})':h={size},pad=w={size}:h={size}", scaled)
    _run("-i", scaled, "-vf", f"fps={config.frame_rate}", timed)
    _run("-i", cut, "-vn", *_sound(config), str(place.with_suffix(".wav")))


ONE_PASS = Contender(_one_pass, "ffmpeg in one pass")
CHAIN = Contender(_chain, "the chain of ffmpeg processes")


def _cut(clip: Clip, config: PreparationConfig) -> list[str]:
    return ["-ss", f"{clip.start_seconds:.4f}", "-t", str(config.clip_seconds), "-i", clip.path]


def _sound(config: PreparationConfig) -> list[str]:
    return ["-c:a", "pcm_s16le", "-ac", "1", "-ar", str(config.sample_rate)]


def _run(*arguments: str) -> None:
    subprocess.run([str(program()), "-v", "error", "-nostdin", "-y", *arguments], check=True, capture_output=True)
