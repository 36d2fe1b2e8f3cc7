"""Results of the study: one JSON file a cell, the table, and the figures."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from infra import storage
from models.metrics.binary import bootstrap_interval
from workflows.studies.shortcuts.cells import CELLS, LONG_CELLS, Cell
from workflows.studies.shortcuts.clips import Clips
from workflows.studies.shortcuts.listening import Answers

_COLORS = {"real": "#1f5fa8", "synthetic": "#d2691e"}


def result_file(output: str, sound: str, cell: Cell) -> str:
    """Return the path of a cell's result, a file that is complete or absent."""
    return storage.join(output, "cells", sound, f"{cell.name.replace(', ', '-').replace(' ', '_')}.json")


def describe(sound: str, cell: Cell, clips: Clips, answers: Answers) -> dict[str, Any]:
    """Return a cell's result as plain values: accuracies with 95 % intervals over recordings, by fold, along training."""
    result: dict[str, Any] = {
        "sound": sound,
        "name": cell.name,
        **dataclasses.asdict(cell),
        "num_clips": len(clips.targets),
        "num_recordings": len(np.unique(clips.recordings)),
        "in_step": float(clips.targets.mean()),
        "folds": [float(answers.right[clips.folds == fold].mean()) for fold in np.unique(clips.folds)],
        "curve": answers.curve,
    }
    for name, right in (("accuracy", answers.right), ("without_head", answers.right_without_head)):
        low, high = bootstrap_interval(right, clusters=clips.recordings, seed=0)
        result[name] = {"value": float(right.mean()), "low": low, "high": high}
    return result


def read_results(output: str, sounds: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the results that exist: sound -> cell -> result."""
    return {
        sound: {
            cell.name: storage.read_json(uri)
            for cell in (*CELLS, *LONG_CELLS)
            if storage.exists(uri := result_file(output, sound, cell))
        }
        for sound in sounds
    }


def table(results: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Return the results as a Markdown table."""
    sounds = list(results)
    titles = [title for sound in sounds for title in (f"{sound} [95 %]", "folds", "first 10,000 silenced")]
    lines = [f"| cell | {' | '.join(titles)} |", f"|---{'|---' * len(titles)}|"]
    for cell in (*CELLS, *LONG_CELLS):
        row = [cell.name]
        for sound in sounds:
            result = results[sound].get(cell.name)
            row += _columns(result) if result else ["", "", ""]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def draw_accuracies(results: dict[str, dict[str, dict[str, Any]]], path: Path) -> None:
    """Draw every cell's accuracy beside chance."""
    cells = [cell.name for cell in (*CELLS, *LONG_CELLS)]
    figure, axis = plt.subplots(figsize=(8, 0.34 * len(cells) + 1), layout="constrained")
    for offset, (sound, by_cell) in zip((-0.14, 0.14), results.items(), strict=False):
        places = [place for place, name in enumerate(cells) if name in by_cell]
        found = [by_cell[cells[place]]["accuracy"] for place in places]
        values = np.asarray([each["value"] for each in found])
        ends = np.abs([[each["low"] for each in found], [each["high"] for each in found]] - values)
        axis.errorbar(
            values, np.asarray(places) + offset, xerr=ends, fmt="o", markersize=4, color=_COLORS[sound], label=sound
        )
    axis.axvline(0.5, color="0.6", linewidth=0.8)
    axis.set_yticks(range(len(cells)), cells)
    axis.set(xlabel="accuracy of an audio-only network, held-out recordings, 95 %", xlim=(0.4, 1.02))
    axis.invert_yaxis()
    axis.legend(frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_curves(results: dict[str, dict[str, dict[str, Any]]], path: Path) -> None:
    """Draw accuracy along training of the cells that were trained on for long: held out, and on the training clips."""
    figure, axes = plt.subplots(1, len(results), figsize=(8, 3.2), sharey=True, layout="constrained", squeeze=False)
    for axis, (sound, by_cell) in zip(axes[0], results.items(), strict=True):
        for color, cell in zip(("#b3261e", "#2a7f3f"), LONG_CELLS, strict=True):
            if cell.name not in by_cell:
                continue
            points = by_cell[cell.name]["curve"]
            steps = sorted({point["step"] for point in points})
            for kind, style in (("held_out", "-"), ("train", ":")):
                each = [[point[kind] for point in points if point["step"] == step] for step in steps]
                axis.plot(
                    steps,
                    [np.mean(values) for values in each],
                    style,
                    color=color,
                    label=f"{cell.name}, {kind.replace('_', ' ')}",
                )
                if kind == "held_out":
                    low, high = (
                        [np.quantile(values, 0.0) for values in each],
                        [np.quantile(values, 1.0) for values in each],
                    )
                    axis.fill_between(steps, low, high, color=color, alpha=0.15, linewidth=0)
        axis.axhline(0.5, color="0.6", linewidth=0.8)
        axis.set(title=sound, xlabel="steps of 64 clips", ylim=(0.4, 1.02))
    axes[0][0].set_ylabel("accuracy from sound alone")
    if axes[0][0].lines[:-1]:
        axes[0][0].legend(frameon=False, fontsize=7, loc="upper left")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _columns(result: dict[str, Any]) -> list[str]:
    whole, headless = result["accuracy"], result["without_head"]
    return [
        f"{whole['value']:.3f} [{whole['low']:.3f}, {whole['high']:.3f}]",
        " ".join(f"{fold:.2f}" for fold in result["folds"]),
        f"{headless['value']:.3f}",
    ]
