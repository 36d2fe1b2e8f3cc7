"""Offsets of made-up clips: committed ones repeat bit for bit, figures are those of known answers, nothing is told of what cannot be."""

import dataclasses

import numpy as np
import pytest
import torch

from datasets.clips.spectrogram import LogMelConfig
from datasets.config import PreparationConfig
from models.calibration import Calibration
from models.offset.clips import ClipCurves
from workflows.evaluators.offset import Told, answers, collect, measure, summarize
from workflows.offset.clips import committed_class
from workflows.recipes import coincidence, multisensory

PREPARATION = PreparationConfig(
    clip_seconds=1.0,
    frame_rate=8.0,
    size=32,
    sample_rate=8000,
    log_mel=LogMelConfig(num_bins=8, window_ms=64, hop_ms=32),
)
NUM_VIDEOS = 12


@dataclasses.dataclass(frozen=True)
class Clips:
    """Held-out clips in memory, of which a rank reads its share."""

    batch: dict
    share: tuple[int, int] = (0, 1)
    first_unit: int = 0
    preparation: PreparationConfig = PREPARATION

    def blocks(self, num_units):
        yield self

    def read_all(self, columns):
        yield {name: self.batch[name] for name in columns}

    def read(self, columns):
        rank, world_size = self.share
        units = np.arange(rank, len(self.batch["label"]) // 2, world_size)
        rows = np.stack([2 * units, 2 * units + 1], axis=1).ravel()
        if len(rows):
            yield units, {name: self.batch[name][rows] for name in columns}


def clips(num_videos=NUM_VIDEOS, **changes):
    chance, count = np.random.default_rng(1), 2 * num_videos
    return {
        "recording_id": [f"v{i}" for i in range(num_videos) for _ in "ab"],
        "clip_id": [f"clip {i}" for i in range(count)],
        "label": ["x"] * count,
        "boxes": [None] * count,
        "silence_share": [0.0] * count,
        "motion": [0.5] * count,
        "frames": chance.integers(0, 255, (count, 8, 32, 32, 3), np.uint8),
        "log_mel": chance.normal(-8, 3, (count, 8, 30)).astype(np.float32),
        **changes,
    }


class Knowing:
    """Knows where a picture begins, as its first pixel says, and whose sound it is; of other sounds and of silence it has no evidence."""

    sound_column, calibration = "log_mel", Calibration()

    def __init__(self, *, shift=0):
        self.shift = shift

    def offset_curves(self, pictures, sounds, *, grid):
        place = pictures[:, 0, 0, 0, 0].astype(int)
        owner = pictures[:, 0, 0, 1, 0].astype(int)
        moves = (pictures[:, 0] != pictures[:, -1]).any(axis=(1, 2, 3))
        classes = np.arange(grid.num_classes)
        peaked = 5.0 - 4.0 * np.abs(classes[None] - np.clip(place + self.shift, 0, 4)[:, None])
        evidence = [
            np.where((np.rint(sound[:, 0, 0]) == owner)[:, None] & moves[:, None], peaked, -3.0) for sound in sounds
        ]
        return ClipCurves(grid.seconds, np.asarray(evidence), 1.0, 1.0, 0.01)


def marked(**changes):
    """Clips whose frames say which they are of, and whose; as do their sounds."""
    batch = clips(**changes)
    batch["frames"][:, :, 0, 0, 0] = np.arange(8)
    owners = np.arange(len(batch["label"])) // 2
    batch["frames"][:, :, 0, 1, 0] = owners[:, None]
    batch["log_mel"][:, 0, 0] = owners
    return Clips(batch)


def ask(module, data):
    with torch.inference_mode():
        return collect(module, data)


def figures(rows):
    return {figure.name: figure for figure in summarize(rows).figures}


@pytest.fixture(params=["coincidence", "multisensory"])
def module(request):
    recipes = {
        "coincidence": (coincidence, coincidence.tiny()),
        "multisensory": (multisensory, dataclasses.replace(multisensory.tiny(), target="offset")),
    }
    recipe, config = recipes[request.param]
    return recipe.build(config, {}, {}).modules["network"].eval()


def test_offsets_and_answers_repeat_bit_for_bit_in_any_order(module):
    batch = clips(5)
    first, again = (ask(module, Clips(batch)) for _ in range(2))
    for name, values in first.items():
        assert np.array_equal(values, again[name], equal_nan=values.dtype.kind == "f"), name
    turned = {name: values[::-1] if isinstance(values, list) else values[::-1].copy() for name, values in batch.items()}
    backwards = ask(module, Clips(turned))
    assert measure(first) == measure(again)
    assert np.array_equal(backwards["known"][::-1, ::-1], first["known"])


def test_two_ranks_find_together_what_one_finds(module):
    batch = clips(5)
    alone = ask(module, Clips(batch))
    parts = [ask(module, Clips(batch, share=(rank, 2))) for rank in range(2)]
    order = np.argsort(np.concatenate([part["unit"] for part in parts]))
    for name, values in alone.items():
        joined = np.concatenate([part[name] for part in parts])[order]
        if values.dtype.kind == "U":
            assert (joined == values).all(), name
        else:
            np.testing.assert_allclose(joined, values, atol=1e-5, err_msg=name)


def test_a_rank_without_clips_has_rows_of_none(module):
    whole, none = (ask(module, Clips(clips(1), share=share)) for share in ((0, 2), (1, 2)))
    assert {name: values.shape[1:] for name, values in none.items()} == {n: v.shape[1:] for n, v in whole.items()}
    assert len(none["unit"]) == 0


def test_a_model_that_knows_is_always_right_and_tells_nothing_of_the_controls():
    found = figures(ask(Knowing(), marked()))
    assert found["offset_accuracy"].value == found["near_offset_accuracy"].value == 1
    assert (found["offset_accuracy"].chance, found["near_offset_accuracy"].chance) == (0.2, 0.6)
    assert found["median_offset_error_ms"].value == pytest.approx(0, abs=2)
    assert found["cannot_tell_own"].value == 0
    assert [found[f"cannot_tell_{kind}"].value for kind in ("other", "silent", "still")] == [1, 1, 1]
    assert found["offset_coverage"].value == 1
    assert found["near_offset_accuracy"].floor == found["floor_near_offset_accuracy"].value


def test_answers_that_are_a_class_off_are_near_and_not_right():
    rows = ask(Knowing(shift=1), marked())
    inside = rows["known"].ravel() < rows["known"].max()
    hits = Told(rows).hits
    assert not hits["offset_accuracy"][inside].any()
    assert hits["near_offset_accuracy"].all()


def test_clips_out_of_sight_silent_or_still_are_not_decidable():
    boxes = [[]] * 4 + [[{"x0": 0.0}]] * 4 + [None] * 16
    silence, motion = [0.0] * 8 + [1.0] * 2 + [0.0] * 14, [0.5] * 10 + [0.0] * 2 + [0.5] * 12
    told = Told(ask(Knowing(), marked(boxes=boxes, silence_share=silence, motion=motion)))
    assert set(told.recordings) == {f"v{i}" for i in (2, 3, *range(6, 12))}
    assert set(told.unseen_recordings) == {"v0", "v1", "v4", "v5"}


def test_a_calibration_is_fitted_on_right_answers_and_on_other_sounds():
    asked = answers(ask(Knowing(), marked()))
    assert asked.targets.tolist() == [1.0] * 24 + [0.0] * 24
    assert asked.num_recordings == NUM_VIDEOS
    assert (asked.logits[:24] > 0).all()
    assert (asked.logits[24:] < 0).all()


def test_a_calibrated_model_says_itself_when_it_cannot_tell():
    module = Knowing()
    module.calibration = Calibration(1.0, -6.0)
    told = Told(ask(module, marked()))
    told.sureness["own"] = told.sureness["own"] - 6
    assert told.cannot_tell()["own"].all()


def test_risk_falls_with_coverage_where_the_surest_are_right():
    rows = ask(Knowing(), marked())
    order = np.arange(24).reshape(12, 2)
    rows["offset"] = np.where(order < 12, rows["known"], rows["known"] + np.where(rows["known"] > 0, -0.4, 0.4))
    rows["sureness"] = 24.0 - order
    found = summarize(rows, intervals=False)
    risk = dict(zip(found.matrices["risk"].columns, found.matrices["risk"].values[0], strict=True))
    assert (risk["100%"], risk["50%"], risk["10%"]) == (0.5, 0, 0)
    assert {figure.title: figure.value for figure in found.breakdowns["coverage"]}["50%"] == 1
    confusion = np.asarray(found.matrices["offsets"].values)
    assert confusion.sum() == 24


def test_committed_offsets_are_what_is_asked():
    rows = ask(Knowing(), marked())
    numbers = np.rint(rows["known"] / rows["step_seconds"][0]).astype(int).ravel() + 2
    grid_of = [committed_class(f"clip {i}", _Grid) for i in range(24)]
    assert numbers.tolist() == grid_of


class _Grid:
    num_classes = 5
