"""The answer about one file: in sync, out of sync or cannot tell, by how much, how sure, and why."""

import dataclasses
from typing import Any, Literal

import numpy as np

from infra.progress import Progress, silent
from models.offset.estimate import Estimate, estimate
from workflows.offset.curves import Curves, Reading, read_curves

Verdict = Literal["in sync", "out of sync", "cannot tell"]

_LONG_DRIFT_SECONDS = 30.0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Tolerance:
    """What people do not notice; the defaults are those of ITU-R BT.1359."""

    early_ms: float = 45.0
    """How early sound may be."""
    late_ms: float = 125.0
    """How late sound may be."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What is said of a file. Offsets are above zero where the sound is late."""

    video: str
    method: str
    tolerance: Tolerance
    curves: Curves
    found: Estimate

    @property
    def verdict(self) -> Verdict:
        """In sync, out of sync, or cannot tell."""
        if not self.found.is_decided:
            return "cannot tell"
        return "in sync" if self.in_sync_probability >= 0.5 else "out of sync"

    @property
    def in_sync_probability(self) -> float:
        """Probability that the offset lies within the tolerance, if it lies within what was tried."""
        return self.found.probability_between(-self.tolerance.early_ms / 1000, self.tolerance.late_ms / 1000)

    @property
    def reason(self) -> str:
        """Why nothing can be told; empty where something can."""
        windows = self.curves.windows
        if self.found.is_decided:
            return ""
        for name, told in (("the sound is silent", "silent"), ("the picture is still", "still")):
            if all(getattr(window, told) for window in windows):
                return name
        if self.found.is_flat:
            return "sound and picture never change together"
        if self.found.at_the_edge:
            return "the best offset is the largest that was tried; give a larger --max-offset-ms"
        return "no offset fits much better than the others"

    @property
    def drift_ms_per_minute(self) -> tuple[float, float, float] | None:
        """By how much the offset grows in a minute, with the ends of its interval."""
        drift, windows = self.found.drift, self.curves.windows
        if drift is None or windows[-1].seconds - windows[0].seconds < _LONG_DRIFT_SECONDS or not self.found.is_decided:
            return None
        slope, low, high = (round(60_000 * value, 1) for value in drift)
        return slope, low, high

    @property
    def fix_refusal(self) -> str:
        """Why moving the whole sound does not mend it; empty where it does."""
        drift = self.drift_ms_per_minute
        if drift is not None and drift[1] * drift[2] > 0:
            return f"the offset drifts by {drift[0]:+.0f} ms a minute, the sound has to be resampled"
        return ""

    def sentence(self) -> str:
        """Say it in a line."""
        if self.verdict == "cannot tell":
            return f"cannot tell: {self.reason}"
        offset, low, high = (
            round(1000 * v) for v in (self.found.offset_seconds, self.found.low_seconds, self.found.high_seconds)
        )
        said = f"{self.verdict}: {describe_offset(offset)} [{low:+d}, {high:+d}], in sync with probability {self.in_sync_probability:.2f}"
        drift = self.drift_ms_per_minute
        if drift is not None and drift[1] * drift[2] > 0:
            said += f", drifting by {drift[0]:+.0f} ms a minute [{drift[1]:+.0f}, {drift[2]:+.0f}]"
        return said

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as plain values."""
        decided = self.verdict != "cannot tell"
        found, drift = self.found, self.drift_ms_per_minute

        def ms(seconds: float) -> float:
            return round(1000 * seconds, 1)

        return {
            "video": self.video,
            "method": self.method,
            "verdict": self.verdict,
            "reason": self.reason or None,
            "offset_ms": ms(found.offset_seconds) if decided else None,
            "interval_ms": [ms(found.low_seconds), ms(found.high_seconds)],
            "in_sync_probability": round(self.in_sync_probability, 4) if decided else None,
            "tolerance_ms": [-self.tolerance.early_ms, self.tolerance.late_ms],
            "drift_ms_per_minute": None if drift is None else {"value": drift[0], "low": drift[1], "high": drift[2]},
            "positive_means": "sound late",
            "windows": [
                {
                    "seconds": round(window.seconds, 3),
                    "offset_ms": ms(float(self.curves.lags[np.argmax(window.evidence)])),
                    "silent": window.silent,
                    "still": window.still,
                }
                for window in self.curves.windows
            ],
            "curve": {
                "lag_ms": [ms(lag) for lag in found.lags[::10]],
                "evidence": [round(float(value), 3) for value in found.evidence[::10]],
            },
        }


def describe_offset(offset_ms: int) -> str:
    """Return an offset in words."""
    if offset_ms == 0:
        return "sound on time"
    return f"sound {abs(offset_ms)} ms {'late' if offset_ms > 0 else 'early'}"


def answer_about(
    path: str,
    reading: Reading,
    *,
    method: str,
    tolerance: Tolerance,
    max_offset_seconds: float,
    progress: Progress = silent,
) -> Answer:
    """Return the answer about a file.

    Raises:
        InputError: If it cannot be read.
    """
    curves = read_curves(path, reading, max_offset_seconds=max_offset_seconds, progress=progress)
    found = estimate(
        np.stack([window.evidence for window in curves.windows]),
        curves.lags,
        seconds=np.array([window.seconds for window in curves.windows]),
        sharpness=reading.features.sharpness,
        blur_seconds=reading.features.blur_seconds,
        least_peak=reading.features.least_peak,
    )
    return Answer(video=path, method=method, tolerance=tolerance, curves=curves, found=found)
