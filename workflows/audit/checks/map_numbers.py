"""Numbers of localization maps: what the checks of a model read of each window's map (cells, rows, columns)."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MapNumbers:
    """Numbers of every window's map, (windows,) each."""

    evidence: np.ndarray
    """Mean positive evidence."""
    means: np.ndarray
    variances: np.ndarray
    """Variance over all values of a map."""
    frame_variances: np.ndarray
    """Variance within a frame, mean over the frames."""

    def variance_between_frames(self, rows: np.ndarray) -> float:
        """Return the share of some windows' map variance that lies between whole frames, by the law of total variance."""
        total = self.variances[rows].mean() + self.means[rows].var()
        return float(1 - self.frame_variances[rows].mean() / total)


def map_numbers(maps: np.ndarray) -> MapNumbers:
    """Return the numbers of maps (windows, cells, rows, columns)."""
    maps = maps.astype(np.float64)
    return MapNumbers(
        evidence=positive_evidence(maps),
        means=maps.mean(axis=(1, 2, 3)),
        variances=maps.var(axis=(1, 2, 3)),
        frame_variances=maps.var(axis=(2, 3)).mean(axis=1),
    )


def join_numbers(parts: Sequence[MapNumbers]) -> MapNumbers:
    """Return the numbers of all windows from those of batches of them."""
    names = [field.name for field in dataclasses.fields(MapNumbers)]
    return MapNumbers(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def positive_evidence(maps: np.ndarray) -> np.ndarray:
    """Return the mean positive evidence of every window's map."""
    return np.maximum(maps, 0).mean(axis=(1, 2, 3))


def map_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the correlation over the picture of every window's two maps, each averaged over time; 0 where one is flat."""
    one, other = (_centered(maps.mean(axis=1)) for maps in (first, second))
    return (one * other).sum(axis=(1, 2))


def _centered(maps: np.ndarray) -> np.ndarray:
    """Return maps (windows, rows, columns) of mean zero and norm one."""
    maps = maps - maps.mean(axis=(1, 2), keepdims=True)
    return maps / np.maximum(np.linalg.norm(maps, axis=(1, 2), keepdims=True), 1e-9)
