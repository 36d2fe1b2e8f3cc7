"""The same clips by the ffmpeg program: in one pass, and as a chain of processes that each decode and encode."""

import functools
import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from datasets.preparation_config import PreparationConfig
from datasets.shards import PlannedSource

AT_ONCE = 2

Clip = tuple[str, float]
"""File, and where the clip begins in it."""


@functools.cache
def program() -> str | None:
    """Return where the ffmpeg program is."""
    return shutil.which("ffmpeg")


@functools.cache
def version() -> str:
    """Return which ffmpeg it is."""
    first = subprocess.run([str(program()), "-version"], capture_output=True, text=True, check=True).stdout.split()
    return " ".join(first[:1] + first[2:3])


def clips_of(sources: Sequence[PlannedSource]) -> list[Clip]:
    """Return all windows of planned sources, on the files' own clocks."""
    return [(source.path, window.start_seconds) for source in sources for window in source.windows]


def at_once(contender: Callable[..., None], clips: Sequence[Clip], config: PreparationConfig, folder: Path) -> None:
    """Make clips, as many at a time as preparation has workers."""
    folder.mkdir(exist_ok=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        places = [folder / str(number) for number in range(len(clips))]
        list(pool.map(lambda clip, place: contender(clip, config, place), clips, places))


def one_pass(clip: Clip, config: PreparationConfig, place: Path) -> None:
    """one pass of ffmpeg (cut, frame rate, scale, sound; our encoder's options)"""
    x264 = ["-preset", "veryfast", "-tune", "fastdecode", "-crf", "20", "-g", "12", "-bf", "0"]
    size = config.size
    picture = ["-vf", f"fps={config.frame_rate},scale={size}:{size}:flags=bilinear", "-c:v", "libx264", *x264]
    _run(*_cut(clip, config), *picture, "-pix_fmt", "yuv420p", *_sound(config), str(place.with_suffix(".mkv")))


def chain(clip: Clip, config: PreparationConfig, place: Path) -> None:
    """a chain as video2dataset 1.3 runs it (cut, scale-crop-pad, frame rate, sound: a process and an encode each)"""
    size = config.size
    cut, scaled, timed = (str(place.with_suffix(f".{step}.mp4")) for step in ("cut", "scaled", "timed"))
    _run(*_cut(clip, config), "-g", "10", cut)
    square = f"scale=-2:{size},crop=w='min(iw,{size})':h={size},pad=w={size}:h={size}"
    _run("-i", cut, "-vf", square, scaled)
    _run("-i", scaled, "-vf", f"fps={config.frame_rate}", timed)
    _run("-i", cut, "-vn", *_sound(config), str(place.with_suffix(".wav")))


def _cut(clip: Clip, config: PreparationConfig) -> list[str]:
    path, start = clip
    return ["-ss", f"{start:.4f}", "-t", str(config.clip_seconds), "-i", path]


def _sound(config: PreparationConfig) -> list[str]:
    return ["-c:a", "pcm_s16le", "-ac", "1", "-ar", str(config.sample_rate)]


def _run(*arguments: str) -> None:
    subprocess.run([str(program()), "-v", "error", "-nostdin", "-y", *arguments], check=True, capture_output=True)
