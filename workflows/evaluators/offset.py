"""Audio-visual offset: by how much the sound of a clip is late, beside the correlation of motion and loudness on the same clips.

The picture is a part of each clip, whose place is the offset that is to be told; it follows from the clip's name alone, so that numbers
repeat and all methods are asked the same (`models/offset/grid.py`). Chance is that of one answer that never changes. "Cannot tell" is the
answer where the best offset is likelier wrong than right, to a class, by its evidence, if every other clip had the sound of another
recording: by the model's own calibration if it is one of offsets, else by one that is fitted on other recordings of the split, as the
interval always is.
"""

import dataclasses

import numpy as np

from models.calibration import Calibration, fit_calibration
from models.metrics import offset as metrics
from models.offset.estimate import SHARPNESSES, sharpness_likelihoods
from workflows.contract.calibration import (
    FEWEST_RECORDINGS,
    Answers,
    calibration_figures,
    folds_of,
    log_loss,
    reliability_curves,
)
from workflows.contract.figure import NOTHING, Figure, Findings, Matrix, Rows, mean_figure
from workflows.contract.held_out import HeldOut
from workflows.offset.clips import CONTROLS, FLOOR, TellsOffsets, read_curve, tell_clips

NEEDS = ("sound_column", "offset_curves", "calibration")

_FLOOR_TITLE = "correlation of motion with loudness"
_CLASS_FIGURES = ("offset_accuracy", "near_offset_accuracy")
_TITLES = {
    "offset_accuracy": "offset class",
    "near_offset_accuracy": "offset class, or the next",
    "offset_within_frame": "offset within one frame",
}
_COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)


def collect(module: TellsOffsets, data: HeldOut) -> Rows:
    """Return what is told of this rank's clips, (pairs, 2) each.

    `known` and `offset` are seconds, `sureness` is the best offset's logit, or the log odds of its class and the next where evidence is not in logits.
    `curve` (pairs, 2, lags) is the evidence at all `lags`; `other_sureness`, `silent_sureness` and `still_sureness` are those of the controls. What
    begins with `floor_` is the same of the correlation. `decidable` is whether the clip's source is in sight, sounds and moves.
    """
    parts = list(tell_clips(module, data))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def measure(rows: Rows) -> dict[str, float]:
    """Return accuracies and errors of decidable clips, and the loss of a model that is calibrated for offsets."""
    told = Told(rows)
    found = {name: float(hits.mean()) if len(hits) else NOTHING for name, hits in told.hits.items()}
    found["median_offset_error_ms"] = metrics.median_error(told.errors_ms)
    return found | {"loss": log_loss(told.calibration.apply(told.asked.logits), told.asked.targets)}


def answers(rows: Rows) -> Answers:
    """Return whether the best offset is right, as the network gave it: what a calibration is fitted on; with another sound none is."""
    return Told(rows).asked


def summarize(rows: Rows, *, intervals: bool = True) -> Findings:
    """Return accuracies, errors, intervals and "cannot tell" beside those of the correlation; accuracy and risk by coverage."""
    model, without = Told(rows), Told(rows, FLOOR)
    floors = {figure.name: figure for figure in _figures(without, intervals)}
    own = _figures(model, intervals, floors=floors)
    reliability = {}
    if model.is_of_logits:
        asked, said = model.asked, model.calibration.apply(model.asked.logits)
        own += calibration_figures(asked, said, intervals=intervals)
        reliability = reliability_curves(asked, said, intervals=intervals)
    return Findings(
        figures=(*own, *floors.values()),
        breakdowns={
            "labels": tuple(_near(model, model.labels == name, name or "no label", intervals) for name in model.names),
            "coverage": tuple(_near(model, model.surest(share), f"{share:.0%}", intervals) for share in _COVERAGES),
        },
        matrices={"offsets": _confusion(model), "risk": _risk(model, without)},
        reliability=reliability,
    )


class Told:
    """What the model, or the correlation, told of decidable clips; of other kinds of clips only how high their evidence is."""

    def __init__(self, rows: Rows, method: str = "") -> None:
        self.method = method
        self._rows, self._decidable = rows, rows["decidable"].astype(bool).ravel()
        recordings = np.repeat(rows["recording_id"], 2)
        self.recordings, self.unseen_recordings = recordings[self._decidable], recordings[~self._decidable]
        self.labels = np.repeat(rows["label"], 2)[self._decidable]
        self.names = np.unique(self.labels).tolist()
        self.known, self.offset = rows["known"].ravel()[self._decidable], self._of("offset")
        self.sureness = {"own": self._of("sureness"), **{name: self._of(f"{name}_sureness") for name in CONTROLS}}
        self.sureness["unseen"] = rows[f"{method}sureness"].ravel()[~self._decidable]
        scale, offset = rows["calibration"][0] if len(recordings) and not method else (1.0, 0.0)
        self.calibration = Calibration(float(scale), float(offset))

    def _of(self, name: str) -> np.ndarray:
        return self._rows[self.method + name].ravel()[self._decidable]

    def _constant(self, name: str) -> float:
        values = self._rows[name]
        return float(values[0]) if len(values) else NOTHING

    @property
    def is_of_logits(self) -> bool:
        """Whether evidence is in logits, which a calibration makes probabilities."""
        return not self.method and self._constant("spread") == 1.0

    @property
    def num_classes(self) -> int:
        """Offset classes."""
        return 2 * int(self._constant("reach")) + 1

    @property
    def errors_ms(self) -> np.ndarray:
        """By how much the best offset of each clip is off."""
        return 1000 * (self.offset - self.known)

    @property
    def hits(self) -> dict[str, np.ndarray]:
        """Which clips are right, by the name of the figure."""
        told, known = self.classes
        return {
            "offset_accuracy": metrics.class_hits(told, known),
            "near_offset_accuracy": metrics.class_hits(told, known, tolerance=1),
            "offset_within_frame": np.abs(self.errors_ms) <= 1000 * self._constant("frame_seconds"),
        }

    @property
    def classes(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the classes that were told, and of those that are true."""
        reach, step = int(self._constant("reach")), self._constant("step_seconds")
        told, known = (np.rint(values / step).astype(int) + reach for values in (self.offset, self.known))
        return np.clip(told, 0, 2 * reach), known

    def surest(self, share: float) -> np.ndarray:
        """Return the numbers of the clips with the highest evidence, so many of all."""
        return metrics.surest(self.sureness["own"], share)

    @property
    def asked(self) -> Answers:
        """Whether the class, or the next, is right, of clips with their own sound and with that of another recording; before calibration."""
        own, other = self.sureness["own"], self.sureness["other"]
        there = np.isfinite(other)
        return Answers(
            self.calibration.undo(np.concatenate([own, other[there]])),
            np.concatenate([self.hits["near_offset_accuracy"], np.zeros(there.sum())]),
            np.concatenate([self.recordings, self.recordings[there]]),
        )

    def cannot_tell(self) -> dict[str, np.ndarray]:
        """Return of which clips nothing is told, by kind; nothing with too few recordings to fit where that begins."""
        if self.is_of_logits and self.calibration != Calibration():
            return {kind: values <= 0 for kind, values in self.sureness.items()}
        asked = self.asked
        if asked.num_recordings < FEWEST_RECORDINGS or len(np.unique(asked.targets)) < 2:
            return {}
        folds = dict(zip(*self._folds(), strict=True))
        of_asked = np.array([folds[name] for name in asked.recordings])
        fitted = {fold: _fitted(asked.of(of_asked != fold)) for fold in set(folds.values())}
        return {
            kind: np.array(
                [fitted[folds[name]].apply(float(value)) <= 0 for name, value in zip(names, values, strict=True)], bool
            )
            for kind, values in self.sureness.items()
            for names in [self.unseen_recordings if kind == "unseen" else self.recordings]
        }

    def intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends (clips,) of 95 % intervals in seconds, their sharpness fitted on other recordings; nothing with too few."""
        if len(np.unique(self.recordings)) < FEWEST_RECORDINGS:
            return np.zeros(0), np.zeros(0)
        lags = self._rows[f"{self.method}lags"][0]
        curves = self._rows[f"{self.method}curve"].reshape(-1, len(lags))[self._decidable].astype(float)
        blur, spread = self._constant(f"{self.method}blur_seconds"), self._spread
        found = [read_curve(curve, lags, blur, spread) for curve in curves]
        likely = sharpness_likelihoods(
            np.stack([each.evidence for each in found]), found[0].lags, self.known, blur_seconds=blur
        )
        folds = dict(zip(*self._folds(), strict=True))
        of_clips = np.array([folds[name] for name in self.recordings])
        best = {fold: SHARPNESSES[likely[of_clips != fold].mean(axis=0).argmax()] for fold in set(folds.values())}
        told = [
            read_curve(curve, lags, blur, spread, sharpness=float(best[fold]))
            for curve, fold in zip(curves, of_clips.tolist(), strict=True)
        ]
        return np.array([each.low_seconds for each in told]), np.array([each.high_seconds for each in told])

    @property
    def _spread(self) -> float | None:
        value = self._constant(f"{self.method}spread")
        return None if np.isnan(value) else value

    def _folds(self) -> tuple[list[str], list[int]]:
        """Return all recordings, and the fold of each."""
        names = np.unique(np.concatenate([self.recordings, self.unseen_recordings]))
        return names.tolist(), folds_of(names).tolist()


def _figures(told: Told, intervals: bool, *, floors: dict[str, Figure] | None = None) -> list[Figure]:
    """Return the figures of a method; accuracies and errors of the model beside those of the correlation."""
    right = [*_hits(told, intervals), _error(told, intervals)]
    rest = [*_untold(told, intervals), *(_covered(told) if intervals else [])]
    if floors is not None:
        return [*(_beside(figure, floors[FLOOR + figure.name]) for figure in right), *rest]
    return [
        dataclasses.replace(
            figure, name=FLOOR + figure.name, title=f"without learning: {figure.title}", is_reference=True
        )
        for figure in (*right, *rest)
    ]


def _beside(figure: Figure, floor: Figure) -> Figure:
    return dataclasses.replace(figure, floor=floor.value, floor_title=_FLOOR_TITLE)


def _hits(told: Told, intervals: bool) -> list[Figure]:
    chances = {name: metrics.chance_of_hit(told.num_classes, tolerance=num) for num, name in enumerate(_CLASS_FIGURES)}
    return [
        mean_figure(
            name,
            _TITLES[name],
            hits.astype(float),
            told.recordings,
            interval=intervals,
            chance=chances.get(name, NOTHING),
        )
        for name, hits in told.hits.items()
    ]


def _error(told: Told, intervals: bool) -> Figure:
    low, high = (
        metrics.median_error_interval(told.errors_ms, clusters=told.recordings) if intervals else (NOTHING, NOTHING)
    )
    return Figure(
        name="median_offset_error_ms",
        title="median error of offsets, ms",
        value=metrics.median_error(told.errors_ms),
        low=low,
        high=high,
        chance=metrics.median_error(1000 * told.known),
        better="lower",
        num_examples=len(told.known),
        num_groups=len(np.unique(told.recordings)),
    )


def _untold(told: Told, intervals: bool) -> list[Figure]:
    """Return how often nothing is told, of decidable clips and of the others."""
    titles = {"own": "a decidable clip", **CONTROLS, "unseen": "a source out of sight, silent or still"}
    found = []
    for kind, untold in told.cannot_tell().items():
        recordings = told.unseen_recordings if kind == "unseen" else told.recordings
        there = np.isfinite(told.sureness[kind])
        if there.any():
            figure = mean_figure(
                f"cannot_tell_{kind}",
                f'says "cannot tell" of {titles[kind]}',
                untold[there].astype(float),
                recordings[there],
                interval=intervals,
                better="lower" if kind == "own" else "higher",
            )
            found.append(figure)
    return found


def _covered(told: Told) -> list[Figure]:
    """Return how often the intervals hold the truth, and how wide they are."""
    low, high = told.intervals()
    if not len(low):
        return []
    hits = metrics.interval_hits(told.known, low, high).astype(float)
    width = float(np.median(1000 * (high - low)))
    return [
        mean_figure(
            "offset_coverage", "the 95 % interval of the offset holds it", hits, told.recordings, note="0.95 is right"
        ),
        Figure(
            name="offset_interval_ms",
            title="median width of that interval, ms",
            value=width,
            better="lower",
            num_examples=len(hits),
            num_groups=len(np.unique(told.recordings)),
        ),
    ]


def _near(told: Told, chosen: np.ndarray, title: str, intervals: bool) -> Figure:
    return mean_figure(
        "near_offset_accuracy",
        title,
        told.hits["near_offset_accuracy"][chosen].astype(float),
        told.recordings[chosen],
        interval=intervals,
        chance=metrics.chance_of_hit(told.num_classes, tolerance=1),
    )


def _confusion(told: Told) -> Matrix:
    count = told.num_classes
    names = tuple(f"{number - count // 2:+d}" for number in range(count))
    counts = np.zeros((count, count))
    answered, known = told.classes
    np.add.at(counts, (known, answered), 1)
    return Matrix(
        title="offset classes, clips",
        rows_title="true class, above zero where the sound is late",
        columns_title="class of the answer",
        rows=names,
        columns=names,
        values=tuple(tuple(row) for row in counts.tolist()),
    )


def _risk(*methods: Told) -> Matrix:
    """Return the share of answers that are more than a class off, where only the surest clips are answered."""
    values = [
        [round(1 - float(told.hits["near_offset_accuracy"][told.surest(share)].mean()), 3) for share in _COVERAGES]
        if len(told.known)
        else [NOTHING] * len(_COVERAGES)
        for told in methods
    ]
    return Matrix(
        title="risk: more than one class off, by coverage",
        rows_title="",
        columns_title="share of clips that are answered, the surest first",
        rows=("model", "correlation"),
        columns=tuple(f"{share:.0%}" for share in _COVERAGES),
        values=tuple(tuple(row) for row in values),
    )


def _fitted(asked: Answers) -> Calibration:
    return fit_calibration(asked.logits, asked.targets)
