"""Localization: maps against boxes of what sounds, beside a centered disk and a perfect map on the same grid; abstention."""

from typing import Any

import numpy as np

from models.metrics import localization as metrics
from workflows.contract.figure import Figure, Findings, Rows, mean_figure
from workflows.contract.held_out import HeldOut

NEEDS = ("sound_column", "encode_sound", "encode_picture", "maps", "cell_centers", "bias", "view_share")

_SIDE = 224
"""Maps are scored at 224x224 pixels, as published (sync evaluation protocol of VGG-SS)."""
_SCORES = ("pointing", "ciou", "ciou_adaptive")


def collect(module: Any, data: HeldOut) -> Rows:
    """Return the scores of this rank's windows of which it is known where the sound comes from.

    `in_sight` and `abstains`, the share of a window's moments without a source, are (windows,); the scores of the model's map, of a centered disk and of the closest map that the cells
    allow are (windows, 3) each, nan where the source is out of sight or of the network's view.
    """
    share = module.view_share(data.preparation.size)
    centers = module.cell_centers()
    rows: dict[str, list[Any]] = {name: [] for name in ("unit", "recording_id", "in_sight", "abstains", *_SCORES)}
    for units, batch in data.read((module.sound_column, "frames", "boxes", "recording_id")):
        known = np.flatnonzero([boxes is not None for boxes in batch["boxes"]])
        if not len(known):
            continue
        wanted = {name: batch[name][known] for name in (module.sound_column, "frames")}
        maps = module.maps(module.encode_sound(wanted), module.encode_picture(wanted))
        signed = maps.float().cpu().numpy()
        span = len(batch["boxes"]) // len(units)
        for row, moments in zip(known, signed, strict=True):
            cells = moments.mean(axis=0)
            logit = np.full(len(moments), cells.mean() + module.bias)
            boxes = batch["boxes"][row]
            rows["unit"].append(units[row // span])
            rows["recording_id"].append(batch["recording_id"][row])
            rows["in_sight"].append(len(boxes) > 0)
            rows["abstains"].append(1 - metrics.source_found(moments, logit).mean())
            seen = [_cropped([box[name] for name in ("x0", "y0", "x1", "y1")], share) for box in boxes]
            for name, values in _score(cells, seen, centers).items():
                rows[name].append(values)
    types = {"recording_id": str, "in_sight": bool}
    return {
        name: np.asarray(values, types.get(name, float)).reshape(len(values), *((3,) if name in _SCORES else ()))
        for name, values in rows.items()
    }


def measure(rows: Rows) -> dict[str, float]:
    """Return the scores' values."""
    return {figure.name: figure.value for figure in summarize(rows, intervals=False).figures}


def summarize(rows: Rows, *, intervals: bool = True) -> Findings:
    """Return pointing accuracy, cIoU and its area under the curve, and how often the model says that there is no source."""
    figures = []
    scored = np.isfinite(rows["pointing"][:, 0])
    recordings = rows["recording_id"][scored]
    if scored.any():
        hits = {name: rows[name][scored] for name in _SCORES}
        pointing = hits["pointing"]
        figures.append(_against("pointing_accuracy", "peak of the map on the source", pointing, recordings, intervals))
        for name, title in (("ciou", "cIoU at 0.5, median threshold"), ("ciou_adaptive", "cIoU at 0.5, box's area")):
            suffix = name.removeprefix("ciou")
            figures.append(_against(f"ciou50{suffix}", title, hits[name] >= 0.5, recordings, intervals))
            areas = [metrics.area_under_curve(values) for values in hits[name].T]
            figures.append(_beside(f"auc{suffix}", f"area under the curve{title[11:]}", areas, recordings))
    for name, title, mask, better in (
        ("on_screen_abstention", 'says "no source" of one in sight', rows["in_sight"], "lower"),
        ("off_screen_abstention", 'says "no source" of one out of sight', ~rows["in_sight"], "higher"),
    ):
        if mask.any():
            abstains = rows["abstains"][mask]
            members = rows["recording_id"][mask]
            figures.append(mean_figure(name, title, abstains, members, interval=intervals, better=better))
    return Findings(figures=tuple(figures))


def _score(cells: np.ndarray, boxes: list[tuple[float, ...]], centers: Any) -> dict[str, list[float]]:
    """Return the scores of a map, of the centered disk and of the closest map; nan where nothing of the source is seen."""
    mask = metrics.box_mask(boxes, height=_SIDE, width=_SIDE)
    if not mask.any():
        return {name: [np.nan] * 3 for name in _SCORES}
    candidates = (
        metrics.place(cells, rows=centers.rows, columns=centers.columns, height=_SIDE, width=_SIDE),
        metrics.centered_disk(height=_SIDE, width=_SIDE),
        metrics.closest_map(mask, rows=centers.rows, columns=centers.columns),
    )
    return {
        "pointing": [float(metrics.pointing_hit(evidence, mask)) for evidence in candidates],
        "ciou": [metrics.ciou(evidence, mask, threshold="median") for evidence in candidates],
        "ciou_adaptive": [metrics.ciou(evidence, mask, threshold="area") for evidence in candidates],
    }


def _against(name: str, title: str, values: np.ndarray, recordings: np.ndarray, intervals: bool) -> Figure:
    """Return the figure of the model's scores, with those of the centered disk and the closest map."""
    own, disk, perfect = np.asarray(values, float).T
    floor, ceiling = float(disk.mean()), float(perfect.mean())
    return mean_figure(name, title, own, recordings, interval=intervals, **_references(floor, ceiling))


def _beside(name: str, title: str, values: list[float], recordings: np.ndarray) -> Figure:
    own, floor, ceiling = values
    count = len(recordings)
    groups = len(np.unique(recordings))
    return Figure(
        name=name, title=title, value=own, num_examples=count, num_groups=groups, **_references(floor, ceiling)
    )


def _references(floor: float, ceiling: float) -> dict[str, Any]:
    return {
        "floor": floor,
        "floor_title": "centered disk",
        "ceiling": ceiling,
        "ceiling_title": "perfect map on this grid",
    }


def _cropped(box: list[float], share: float) -> tuple[float, ...]:
    """Return a box in the coordinates of the middle of the frame."""
    margin = (1 - share) / 2
    return tuple(min(1.0, max(0.0, (value - margin) / share)) for value in box)
