"""Offsets told of stored clips: committed ones are asked of the model, and of the correlation of motion with loudness, on the same clips.

The picture is a part of each clip, whose place is the offset that is to be told; it follows from the clip's name alone, so that numbers
repeat. See `models/offset/grid.py`.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from infra.seeding import digest
from models.calibration import Calibration
from models.offset.clips import ClipCurves, slide_over_clips
from models.offset.estimate import Estimate, estimate, log_odds_of_best
from models.offset.features import MotionLoudness
from models.offset.grid import OffsetGrid, offset_grid
from models.synchronization import SILENT_LOG_MEL
from workflows.contract.figure import NOTHING, Rows
from workflows.contract.held_out import HeldOut

FLOOR = "floor_"
"""What the names of the correlation's columns begin with."""
CONTROLS = {"other": "another recording's sound", "silent": "silence for sound", "still": "a still picture"}
"""Made of every clip; of none of them an offset can be told."""

_BLOCK_PAIRS = 128
"""Other recordings are those of as many pairs, whose sounds are held."""
_TEXTS = ("recording_id", "label", "clip_id", "boxes", "silence_share", "motion")


class TellsOffsets(Protocol):
    """What a module must offer: evidence at every lag of pictures with whole sounds."""

    sound_column: str
    calibration: Calibration

    def offset_curves(self, pictures: np.ndarray, sounds: Sequence[np.ndarray], *, grid: OffsetGrid) -> ClipCurves:
        """Return the curves of pictures with each of several sounds; in calibrated logits if they have a spread."""
        ...


def committed_class(clip_id: str, grid: OffsetGrid) -> int:
    """Return the offset class that is asked of a clip, whatever else is in the dataset."""
    return int.from_bytes(digest("offset", clip_id)[:8], "big") % grid.num_classes


def tell_clips(module: TellsOffsets, data: HeldOut) -> Iterator[Rows]:
    """Yield what is told of this rank's clips, batch by batch; rows without a clip where it has none."""
    grid = offset_grid(num_frames=data.preparation.num_frames, frame_rate=data.preparation.frame_rate)
    empty = True
    for block in data.blocks(_BLOCK_PAIRS):
        for rows in _tell_block(module, block, grid):
            yield rows
            empty = False
    if empty:
        rows = next(_tell_block(module, dataclasses.replace(data, share=(0, 1)), grid))
        yield {name: values[:0] for name, values in rows.items()}


def _tell_block(module: TellsOffsets, block: HeldOut, grid: OffsetGrid) -> Iterator[Rows]:
    """Yield what is told of the batches of a block."""
    columns = tuple(dict.fromkeys((module.sound_column, "log_mel", *_TEXTS)))
    batches = list(block.read_all(columns))
    texts = {name: [value for batch in batches for value in batch[name]] for name in _TEXTS}
    sounds = {name: np.concatenate([batch[name] for batch in batches]) for name in {module.sound_column, "log_mel"}}
    recordings = np.asarray(texts["recording_id"], str)
    others, known = other_recordings(recordings), [committed_class(name, grid) for name in texts["clip_id"]]
    decidable = np.array([_is_decidable(*row) for row in zip(*(texts[name] for name in _TEXTS[3:]), strict=True)])
    config = block.preparation.log_mel
    correlation = MotionLoudness(hop_seconds=config.hop_ms / 1000, window_seconds=config.window_ms / 1000)
    silence = {"log_mel": SILENT_LOG_MEL, "waveform": 0.0}
    for units, batch in block.read(("frames",)):
        rows = np.stack([2 * (units - block.first_unit), 2 * (units - block.first_unit) + 1], axis=1)
        numbers = rows.ravel()
        pictures = np.stack(
            [
                frames[grid.first_frame(known[row]) :][: grid.picture_frames]
                for row, frames in zip(numbers, batch["frames"], strict=True)
            ]
        )

        def choices(column: str, numbers: np.ndarray = numbers) -> list[np.ndarray]:
            own = sounds[column][numbers]
            return [own, sounds[column][others[numbers]], np.full_like(own, silence[column])]

        told = {
            "": _tell(
                lambda *asked: module.offset_curves(*asked, grid=grid),
                pictures,
                choices(module.sound_column),
                step_seconds=grid.step_seconds,
            ),
            FLOOR: _tell(
                lambda *asked: slide_over_clips(correlation, *asked, grid=grid),
                pictures,
                choices("log_mel"),
                step_seconds=grid.step_seconds,
            ),
        }
        found = {f"{method}{name}": values for method, each in told.items() for name, values in each.items()}
        for method in told:
            found[f"{method}other_sureness"] = np.where(others[rows] != rows, found[f"{method}other_sureness"], np.nan)
        calibration = module.calibration if np.isfinite(found["spread"]).all() else Calibration()
        yield found | {
            "unit": units,
            "recording_id": recordings[rows[:, 0]],
            "label": np.asarray([texts["label"][row] or "" for row in rows[:, 0]], str),
            "known": grid.seconds[np.asarray(known)[rows]],
            "decidable": decidable[rows],
            "step_seconds": np.full(len(units), grid.step_seconds),
            "frame_seconds": np.full(len(units), 1 / grid.frame_rate),
            "reach": np.full(len(units), grid.reach),
            "calibration": np.tile(np.asarray(calibration, float), (len(units), 1)),
        }


def _tell(
    curves_of: Callable[[np.ndarray, list[np.ndarray]], ClipCurves],
    pictures: np.ndarray,
    sounds: list[np.ndarray],
    *,
    step_seconds: float,
) -> Rows:
    """Return, by pair, the curve, offset and evidence of clips with their own sound, and the evidence of the controls."""
    own = curves_of(pictures, sounds)
    still = curves_of(np.repeat(pictures[:, :1], pictures.shape[1], axis=1), sounds[:1])
    evidence = np.concatenate([own.evidence, still.evidence])
    if own.spread is None:
        sure = log_odds_of_best(evidence, own.lags, gain=own.gain, within=step_seconds)
    else:
        sure = evidence.max(axis=2)
    surenesses = sure.reshape(len(evidence), -1, 2)
    found = [read_curve(curve, own.lags, own.blur_seconds, own.spread) for curve in evidence[0]]
    count = len(pictures) // 2
    return {
        "lags": np.tile(own.lags, (count, 1)),
        "curve": evidence[0].reshape(count, 2, -1).astype(np.float32),
        "offset": np.array([each.offset_seconds for each in found]).reshape(-1, 2),
        "sureness": surenesses[0],
        **{f"{name}_sureness": values for name, values in zip(CONTROLS, surenesses[1:], strict=True)},
        "spread": np.full(count, NOTHING if own.spread is None else own.spread),
        "blur_seconds": np.full(count, own.blur_seconds),
    }


def other_recordings(recordings: np.ndarray) -> np.ndarray:
    """Return for each window one of another recording, about half of all windows further on; itself where there is none."""
    numbers = np.arange(len(recordings))
    found = numbers.copy()
    for window in numbers:
        turned = np.roll(numbers, -(window + len(numbers) // 2))
        foreign = turned[recordings[turned] != recordings[window]]
        found[window] = foreign[0] if len(foreign) else window
    return found


def _is_decidable(boxes: Sequence[Any] | None, silence_share: float | None, motion: float | None) -> bool:
    """Whether a clip's offset can be told: its source is in sight, as far as is known, and it is neither silent nor still throughout."""
    return (boxes is None or len(boxes) > 0) and silence_share != 1 and motion != 0


def read_curve(
    curve: np.ndarray, lags: np.ndarray, blur_seconds: float, spread: float | None, *, sharpness: float = 1.0
) -> Estimate:
    """Return the estimate of a clip's curve."""
    return estimate(
        curve[None], lags, seconds=np.zeros(1), sharpness=sharpness, blur_seconds=blur_seconds, spread=spread
    )
