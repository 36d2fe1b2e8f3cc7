"""Decode delay between sound and picture, for every container and codec of the dataset's sources."""

import numpy as np

from datasets.config import PreparationConfig
from datasets.media import Coding, MediaError, coding_of, measure_codec_delay
from datasets.tables.recordings import read_recordings
from infra import storage
from workflows.audit.checks.check import Check, too_little

_MOST_FILES = 500


def check_decode_delay(dataset: str, config: PreparationConfig) -> Check:
    """Return the check that clicks and flashes, coded as the sources are, come back within half an output frame of each other.

    Delays are measured to a 240th of a second, so that a longer one is found with certainty.
    """
    name = "decode delay"
    delays: dict[Coding, float] = {}
    unknown: dict[Coding, str] = {}
    for coding in _codings(dataset):
        try:
            delays[coding] = measure_codec_delay(coding)
        except MediaError as error:
            unknown[coding] = error.reason
    unmeasured = f"; not measured, as FFmpeg here cannot write them: {_list(unknown)}" if unknown else ""
    if not delays:
        return too_little(name, chance=0.0, detail=f"no coding of the sources could be measured{unmeasured}")
    worst = max(delays, key=lambda coding: abs(delays[coding]))
    half_frame = 0.5 / config.frame_rate
    value = abs(delays[worst])
    return Check(
        name=name,
        verdict="leak" if value > half_frame else "pass",
        value=value,
        interval=(float(np.min(np.abs(list(delays.values())))), value),
        chance=0.0,
        smallest_detectable=half_frame,
        detail=f"seconds, worst of {len(delays)} codings: {'/'.join(worst)}; half a frame is {half_frame:.4f} s{unmeasured}",
    )


def _codings(dataset: str) -> list[Coding]:
    """Return the codings of the sources that are still there, of at most some hundred, spread over all."""
    paths = read_recordings(dataset, ["path"])["path"].to_pylist()
    found: set[Coding] = set()
    for path in paths[:: max(1, len(paths) // _MOST_FILES)]:
        try:
            with storage.local_copy(path) as copy:
                found.add(coding_of(copy))
        except (MediaError, FileNotFoundError):
            continue
    return sorted(found)


def _list(unknown: dict[Coding, str]) -> str:
    return ", ".join("/".join(coding) for coding in unknown)
