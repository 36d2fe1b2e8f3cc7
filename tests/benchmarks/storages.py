"""The same clips in every form that is compared, and how each is read to a collated batch.

A batch holds `frames`, `waveform` float32 (clips, 1, samples) and `log_mel` float32 (clips, bins, hops). Frames are writable uint8
(clips, frames, height, width, 3), but float32 (clips, 3, frames, height, width) from float `.pth`, which its users feed to the
network as it is: turning it into bytes would make it slower.
"""

import dataclasses
import functools
import io
import itertools
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import torch
from av.audio.resampler import AudioResampler
from av.video.reformatter import VideoReformatter

from datasets.clips.spectrogram import log_mel
from datasets.config import PreparationConfig
from datasets.media import write_video
from datasets.preparation.preparation import Preparation
from datasets.reading.read_plan import ReadPlan
from datasets.reading.reader import read_units
from datasets.reading.row_groups import RowGroup, count_units, read_rows
from datasets.reading.selection import select_units
from datasets.reading.stream import BatchStream
from datasets.sources.source import Source
from infra.seeding import generator

COLUMNS = ("frames", "waveform", "log_mel")
BATCH_PAIRS = 2
Batch = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Store:
    """Clips in one form: files, bytes a clip, and how clips of given numbers are read in batches."""

    read: Callable[[Sequence[int]], Iterator[Batch]]
    clip_bytes: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """A prepared dataset and its row groups."""

    config: PreparationConfig
    groups: tuple[RowGroup, ...]

    @property
    def pairs(self) -> list[RowGroup]:
        """Every pair as a row group of its own, so that it can be read by its number."""
        return [dataclasses.replace(group, units=(row,)) for group in self.groups for row in group.units]


def prepare(folder: Path, sources: Sequence[Source], config: PreparationConfig) -> Dataset:
    """Return a dataset of the sources, all in one split."""
    preparation = Preparation(str(folder), config, num_workers=2)
    preparation.plan(list(sources))
    preparation.run()
    return Dataset(config=config, groups=select_units(str(folder), "train", unit="pair").groups)


def ours(dataset: Dataset) -> Store:
    """Return our files, read without Ray; clips in their order are read a row group at a time."""
    pairs = dataset.pairs

    def read(order: Sequence[int]) -> Iterator[Batch]:
        firsts = [clip // 2 for clip in order[::2]]
        chosen = dataset.groups if firsts == sorted(firsts) else [pairs[pair] for pair in firsts]
        return read_units(chosen, columns=COLUMNS, config=dataset.config, batch_size=BATCH_PAIRS)

    return Store(read=read, clip_bytes=_media_bytes(dataset))


def streamed(dataset: Dataset, *, num_epochs: int) -> Iterator[Batch]:
    """Yield batches as training reads them: in the order of a read plan, ahead of who takes them."""
    plan = ReadPlan(groups=dataset.groups, batch_size=BATCH_PAIRS, world_size=1, rank=0, seed=0, pool_bytes=1)
    stream = BatchStream(plan, columns=COLUMNS, config=dataset.config)
    yield from itertools.islice(stream.batches(), num_epochs * plan.steps_per_epoch)


def viewed(dataset: Dataset) -> Store:
    """Return raw files as views into the memory that the file is mapped to, not collated and not writable."""

    def read(order: Sequence[int]) -> Iterator[Batch]:
        for group in dataset.groups:
            table = read_rows(group.uri, group.index, group.rows(group.units), COLUMNS)
            yield {"frames": [np.frombuffer(value.as_buffer(), np.uint8) for value in table["frames"]]}

    return Store(read=read, clip_bytes=_media_bytes(dataset))


def pth(folder: Path, clips: Iterator[Batch], *, as_float: bool) -> Store:
    """Return a `.pth` file a clip, its picture as float32 with channels first or as uint8."""
    folder.mkdir()
    paths = []
    for clip in clips:
        frames = torch.from_numpy(clip["frames"])
        tensors = {
            "frames": frames.permute(3, 0, 1, 2).float().div(255).contiguous() if as_float else frames,
            "waveform": torch.from_numpy(clip["waveform"]),
            "log_mel": torch.from_numpy(clip["log_mel"]),
        }
        paths.append(folder / f"{len(paths)}.pth")
        torch.save(tensors, paths[-1])

    def load(number: int) -> Batch:
        return torch.load(paths[number], weights_only=True)

    return Store(read=functools.partial(_batches, load), clip_bytes=_mean_size(paths))


def mp4(folder: Path, clips: Iterator[Batch], config: PreparationConfig) -> tuple[Store, Store]:
    """Return an MP4 file a clip, and the same in one tar as WebDataset has it; spectrograms are computed when reading."""
    folder.mkdir()
    paths = []
    for clip in clips:
        paths.append(folder / f"{len(paths):06d}.mp4")
        sound = clip["waveform"][0]
        write_video(paths[-1], clip["frames"], sound, frame_rate=config.frame_rate, sample_rate=config.sample_rate)
    archive = folder / "clips.tar"
    with tarfile.open(archive, "w") as tar:
        for path in paths:
            tar.add(path, arcname=path.name)

    def load(number: int) -> Batch:
        return _decode(str(paths[number]), config)

    def read_tar(order: Sequence[int]) -> Iterator[Batch]:
        if list(order) != sorted(order):
            raise ValueError("a tar is read in its order")
        with tarfile.open(archive, "r|") as tar:
            members = (tar.extractfile(member) for member in tar)
            clips = (_decode(io.BytesIO(file.read()), config) for file in members if file is not None)
            yield from _collated(clips)

    files = Store(read=functools.partial(_batches, load), clip_bytes=_mean_size(paths))
    return files, Store(read=read_tar, clip_bytes=archive.stat().st_size / len(paths))


def shuffled(num_clips: int, number: int) -> list[int]:
    """Return the clips in another order each time, pairs together."""
    pairs = generator("order", number).permutation(num_clips // 2).tolist()
    return [clip for pair in pairs for clip in (2 * pair, 2 * pair + 1)]


def single_clips(dataset: Dataset) -> Iterator[Batch]:
    """Yield the clips of a raw dataset one by one."""
    for batch in read_units(dataset.groups, columns=COLUMNS, config=dataset.config, batch_size=1):
        for row in range(2):
            yield {name: values[row] for name, values in batch.items()}


def _decode(file: Any, config: PreparationConfig) -> Batch:
    frames = np.zeros((config.num_frames, config.size, config.size, 3), np.uint8)
    sound = np.zeros(config.num_samples, np.float32)
    num_frames = num_samples = 0
    reformatter = VideoReformatter()
    resampler = AudioResampler(format="flt", layout="mono", rate=config.sample_rate)
    with av.open(file) as container:
        for stream in (container.streams.video[0], container.streams.audio[0]):
            stream.codec_context.thread_count = 1
        for frame in container.decode(video=0, audio=0):
            if isinstance(frame, av.VideoFrame) and num_frames < len(frames):
                frames[num_frames] = reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
                num_frames += 1
            elif isinstance(frame, av.AudioFrame):
                for piece in resampler.resample(frame):
                    samples = piece.to_ndarray()[0][: len(sound) - num_samples]
                    sound[num_samples : num_samples + len(samples)] = samples
                    num_samples += len(samples)
    spectrogram = log_mel(sound, sample_rate=config.sample_rate, config=config.log_mel)
    tensors = {"frames": frames, "waveform": sound[None], "log_mel": spectrogram}
    return {name: torch.from_numpy(values) for name, values in tensors.items()}


def _batches(load: Callable[[int], Batch], order: Sequence[int]) -> Iterator[Batch]:
    return _collated(load(number) for number in order)


def _collated(clips: Iterator[Batch]) -> Iterator[Batch]:
    waiting: list[Batch] = []
    for clip in clips:
        waiting.append(clip)
        if len(waiting) == 2 * BATCH_PAIRS:
            yield {name: torch.stack([one[name] for one in waiting]) for name in clip}
            waiting = []
    if waiting:
        yield {name: torch.stack([one[name] for one in waiting]) for name in waiting[0]}


def _media_bytes(dataset: Dataset) -> float:
    """Return the bytes of all files a clip: picture, sound, spectrogram, names and Parquet's own."""
    files = {group.uri for group in dataset.groups}
    num_clips = 2 * count_units(dataset.groups)
    return sum(pa.memory_map(uri).size() for uri in files) / num_clips


def _mean_size(paths: Sequence[Path]) -> float:
    return sum(path.stat().st_size for path in paths) / len(paths)
