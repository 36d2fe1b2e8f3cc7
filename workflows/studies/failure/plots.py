"""Plots of accuracy and maps by checkpoint."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

_COLORS = {"pairs": "#2a7f3f", "roll": "#1f5fa8", "roll, file start": "#b3261e"}
_LINES = (
    ("own_accuracy", "on held-out labels of its own kind", 0.5),
    ("own_sound_only", "the same, picture gray", 0.5),
    ("sync_accuracy", "on honest pairs", 0.5),
    ("pointing_accuracy", "map points at the source", None),
    ("flatness", "map variance between whole frames", None),
)


def draw_story(stories: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Draw accuracies and map statistics by checkpoint."""
    figure, axes = plt.subplots(1, len(_LINES), figsize=(13, 3), sharey=True, layout="constrained")
    for axis, (key, title, chance) in zip(axes, _LINES, strict=True):
        for name, story in stories.items():
            points = [point for point in story["points"] if key in point]
            axis.plot(
                [point["step"] for point in points],
                [point[key] for point in points],
                "o-",
                markersize=3,
                color=_COLORS[name],
                label=name,
            )
        if chance is not None:
            axis.axhline(chance, color="0.6", linewidth=0.8)
        axis.set_title(title, fontsize=9)
        axis.set(xlabel="steps of 32 examples", ylim=(0, 1.03))
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_maps(
    arrays: Mapping[str, Mapping[str, np.ndarray]], stories: Mapping[str, Any], path: Path, *, clip: int
) -> None:
    """Draw each network's evidence on a held-out clip of its own kind by checkpoint, at the moment where its last map is strongest.

    Colors span each checkpoint's own range over the clip, as a viewer scales a map.
    """
    columns = len(stories["pairs"]["points"])
    figure, axes = plt.subplots(len(arrays), columns, figsize=(1.5 * columns, 1.75 * len(arrays)), layout="constrained")
    for row, (name, found) in zip(axes, arrays.items(), strict=True):
        moment = int(found["maps"][-1, clip].max(axis=(1, 2)).argmax())
        frames = found["frames"][clip]
        frame = frames[int((moment + 0.5) * len(frames) / found["maps"].shape[2])]
        for axis, point, maps in zip(row, stories[name]["points"], found["maps"], strict=True):
            strength = np.clip(maps[clip, moment] / max(float(maps[clip].max()), 1e-9), 0, 1)
            axis.imshow(frame, extent=(0, 1, 1, 0))
            heat = matplotlib.colormaps["inferno"](strength)
            heat[..., 3] = 0.8 * np.sqrt(strength)
            axis.imshow(heat, extent=(0, 1, 1, 0), interpolation="bilinear")
            axis.set(xticks=[], yticks=[])
            axis.set_title(f"{point['step']}: {point['own_accuracy']:.2f}", fontsize=8)
        row[0].set_ylabel(name, fontsize=9)
    figure.savefig(path, dpi=70)
    plt.close(figure)
