"""Where does the sound come from: maps against boxes, beside a centered disk and a perfect map on the same grid."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.metrics import localization as metrics
from workflows.evaluators.synchronization import Read

_SIDE = 224
"""Maps are scored at 224x224 pixels, as published (sync evaluation protocol of VGG-SS)."""

Boxes = Mapping[str, Mapping[str, Any]]


def score_maps(model: Any, read: Read, boxes: Boxes, *, crop_share: float) -> dict[str, Any]:
    """Return localization scores of all in-sync windows that have boxes, and how often the model abstains.

    Args:
        model: gives `encode_sound`, `encode_picture`, `maps`.
        read: gives batches of pairs.
        boxes: ground truth by video.
        crop_share: share of the stored frame's side that the network sees, in its middle.
    """
    rows: dict[str, list[float]] = {}
    abstained: dict[bool, list[bool]] = {True: [], False: []}
    centers = model.network.cell_centers()
    for batch in read((model.sound_column, "frames", "video_id")):
        maps = model.maps(model.encode_sound(batch), model.encode_picture(batch))
        evidence = maps.mean(dim=1).float().cpu().numpy()
        offset = float(model.network.head.bias.item())
        for cells, logit, video_id in zip(evidence, evidence.mean((1, 2)) + offset, batch["video_id"], strict=True):
            truth = boxes.get(video_id)
            if truth is None:
                continue
            abstained[bool(truth["off_screen"])].append(bool(logit <= 0))
            if not truth["boxes"]:
                continue
            seen = [_cropped(box, crop_share) for box in truth["boxes"]]
            mask = metrics.box_mask(seen, height=_SIDE, width=_SIDE)
            if mask.any():
                _add(rows, cells, mask, centers)
    if not rows:
        return {}
    report = _reduce({name: np.asarray(values) for name, values in rows.items()})
    report["on_screen_abstention"] = float(np.mean(abstained[False]))
    if abstained[True]:
        report["off_screen_abstention"] = float(np.mean(abstained[True]))
        report["num_off_screen_clips"] = len(abstained[True])
    return report


def _add(rows: dict[str, list[float]], cells: np.ndarray, mask: np.ndarray, centers: Any) -> None:
    candidates = {
        "": metrics.place(cells, rows=centers.rows, columns=centers.columns, height=_SIDE, width=_SIDE),
        "_centre_disk": metrics.centered_disk(height=_SIDE, width=_SIDE),
        "_ceiling": metrics.closest_map(mask, rows=centers.rows, columns=centers.columns),
    }
    for suffix, evidence in candidates.items():
        scores = {
            "pointing": float(metrics.pointing_hit(evidence, mask)),
            "ciou": metrics.ciou(evidence, mask, threshold="median"),
            "ciou_adaptive": metrics.ciou(evidence, mask, threshold="area"),
        }
        for name, value in scores.items():
            rows.setdefault(name + suffix, []).append(value)


def _reduce(rows: dict[str, np.ndarray]) -> dict[str, Any]:
    report: dict[str, Any] = {"num_localized_clips": len(rows["pointing"])}
    for suffix in ("", "_centre_disk", "_ceiling"):
        report["pointing" + (suffix or "_accuracy")] = float(rows["pointing" + suffix].mean())
        for kind in ("", "_adaptive"):
            values = rows[f"ciou{kind}{suffix}"]
            report[f"ciou50{kind}{suffix}"] = metrics.success_rate(values)
            report[f"auc{kind}{suffix}"] = metrics.area_under_curve(values)
    return report


def _cropped(box: list[float], share: float) -> tuple[float, float, float, float]:
    """Return a box in the coordinates of the middle of the frame."""
    margin = (1 - share) / 2
    x0, y0, x1, y1 = (min(1.0, max(0.0, (value - margin) / share)) for value in box)
    return x0, y0, x1, y1
