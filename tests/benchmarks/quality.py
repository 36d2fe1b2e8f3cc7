"""What H.264 storage keeps and costs: against the frames it was made from, and against the source's own packets."""

import dataclasses
from collections.abc import Iterator

import av
import numpy as np

from datasets.config import PreparationConfig
from datasets.media import decode_frames
from datasets.preparation.preparation import Preparation
from datasets.preparation.shards import PlannedSource
from tests.benchmarks import bare, inputs
from tests.benchmarks.measure import Row, Setting

NAMES = ("h264_picture_bytes_vs_source", "h264_psnr")


def measure(setting: Setting) -> Iterator[Row]:
    """Yield the rows of quality, each over clips instead of rounds: median and quartiles."""
    config = PreparationConfig(validation_share=0.0, test_share=0.0)
    preparation = Preparation(str(setting.folder / "quality"), config)
    preparation.plan(list(inputs.sources(setting, config)))
    ours, theirs, sound, decibels = [], [], [], []
    for source in inputs.planned(preparation):
        truths = bare.clips_of(source, dataclasses.replace(config, storage="raw"))
        for truth, row, window in zip(truths, bare.clips_of(source, config), source.windows, strict=True):
            frames = np.frombuffer(truth["frames"], np.uint8).reshape(-1, config.size, config.size, 3)
            ours.append(len(row["frames"]))
            theirs.append(_packet_bytes(source, window.start_seconds, config.clip_seconds))
            sound.append(len(truth["waveform"]))
            decibels.append(_psnr(frames, decode_frames(row["frames"])))
    kilobytes = [np.median(values) / config.clip_seconds / 1000 for values in (ours, theirs, sound)]
    yield _quartiles(
        NAMES[0],
        [one / other for one, other in zip(ours, theirs, strict=True)],
        "<= 1.2",
        f"{kilobytes[0]:.0f} kB/s over the source's {kilobytes[1]:.0f} in video packets of the same seconds; sound beside them "
        f"{kilobytes[2]:.0f} (PCM16); median and quartiles of {len(ours)} clips of {inputs.kind()}",
    )
    yield _quartiles(
        NAMES[1],
        decibels,
        None,
        f"dB, stored against source frames in RGB at 256 pixels; median and quartiles of {len(decibels)} clips",
    )


def _packet_bytes(source: PlannedSource, start: float, seconds: float) -> int:
    """Return the bytes of the video packets that are shown within a window."""
    with av.open(source.path, metadata_errors="ignore") as container:
        return sum(
            packet.size
            for packet in container.demux(video=0)
            if packet.pts is not None
            and 0 <= float(packet.pts * packet.time_base) - source.line.origin_seconds - start < seconds
        )


def _psnr(truth: np.ndarray, stored: np.ndarray) -> float:
    error = np.square(truth.astype(np.int16) - stored, dtype=np.int32).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def _quartiles(name: str, values: list[float], target: str | None, detail: str) -> Row:
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    return Row(name=name, ratio=middle, low=low, high=high, target=target, detail=detail)
