"""Sync accuracy of made-up clips: one modality alone is at chance, swapped sounds are near and foreign."""

import dataclasses

import numpy as np
import pytest
import torch

from models.calibration import Calibration
from workflows.evaluators.synchronization import answers, collect, measure, summarize, swapped_sounds
from workflows.recipes import multisensory


@dataclasses.dataclass
class Clips:
    """Held-out clips in memory, of which a rank reads its share."""

    batch: dict
    share: tuple[int, int] = (0, 1)
    first_unit: int = 0

    def blocks(self, num_units):
        yield self

    def read_all(self, columns):
        yield {name: self.batch[name] for name in columns}

    def read(self, columns):
        rank, world_size = self.share
        units = np.arange(rank, len(self.batch["label"]) // 2, world_size)
        rows = np.stack([2 * units, 2 * units + 1], axis=1).ravel()
        yield units, {name: self.batch[name][rows] for name in columns}


def windows(num_videos):
    chance = np.random.default_rng(0)
    starts = chance.uniform(0, 4, (num_videos, 2)).round(2)
    return {
        "recording_id": [f"v{i}" for i in range(num_videos) for _ in "ab"],
        "label": ["x"] * (2 * num_videos),
        "boxes": [None] * (2 * num_videos),
        "start_seconds": starts.ravel().tolist(),
        "shift_seconds": np.stack([starts[:, 1] - starts[:, 0], starts[:, 0] - starts[:, 1]], 1).ravel().tolist(),
    }


@pytest.fixture
def module():
    return multisensory.build(multisensory.tiny(), {}, {}).modules["network"].eval()


def clips(num_videos, **changes):
    config, chance = multisensory.tiny(), np.random.default_rng(1)
    count = 2 * num_videos
    return windows(num_videos) | {
        "frames": chance.integers(0, 255, (count, config.num_frames, 32, 32, 3), np.uint8),
        "log_mel": chance.normal(-8, 3, (count, config.num_bins, config.num_hops)).astype(np.float32),
        **changes,
    }


def ask(module, data):
    with torch.inference_mode():
        return collect(module, data)


def test_one_modality_alone_is_right_exactly_half_the_time(module):
    found = summarize(ask(module, Clips(clips(6))))
    figures = {figure.name: figure for figure in found.figures}
    assert figures["audio_only_accuracy"].value == figures["video_only_accuracy"].value == 0.5
    assert figures["sync_accuracy"].num_examples == 24
    assert figures["sync_accuracy"].num_groups == 6
    assert {figure.title for figure in found.breakdowns["class"]} == {"x"}


def test_two_ranks_find_together_what_one_finds(module):
    batch = clips(7)
    alone = ask(module, Clips(batch))
    parts = [ask(module, Clips(batch, share=(rank, 2))) for rank in range(2)]
    order = np.argsort(np.concatenate([part["unit"] for part in parts]))
    for name, values in alone.items():
        joined = np.concatenate([part[name] for part in parts])[order]
        if values.dtype.kind == "U":
            assert (joined == values).all(), name
        else:
            np.testing.assert_allclose(joined, values, atol=1e-5, err_msg=name)
    assert measure(alone)["net_sync_accuracy"] <= measure(alone)["sync_accuracy"]


def test_pairs_whose_source_is_out_of_sight_are_left_out(module):
    boxes = [None, None, [], [], [{"x0": 0.0}], [{"x0": 0.0}]]
    rows = ask(module, Clips(clips(3, boxes=boxes)))
    assert rows["recording_id"].tolist() == ["v0", "v2"]
    assert set(rows["swapped_recording_id"].ravel()) == {"v0", "v2"}


def test_swapped_sounds_come_from_other_recordings_at_the_nearest_starts():
    table = windows(40)
    starts = np.asarray(table["start_seconds"])
    for window, swaps in enumerate(swapped_sounds(starts, np.asarray(table["recording_id"]))):
        assert (swaps // 2 != window // 2).all()
        foreign = np.abs(np.delete(starts, [window - window % 2, window - window % 2 + 1]) - starts[window])
        assert np.allclose(np.abs(starts[swaps[:, 0]] - starts[window]), np.sort(foreign)[: len(swaps)])


def test_without_another_recording_nothing_is_swapped(module):
    rows = ask(module, Clips(clips(1)))
    assert np.isnan(rows["swapped"]).all()
    assert np.isnan(measure(rows)["swapped_source_accuracy"])
    assert measure(rows)["net_sync_accuracy"] == measure(rows)["sync_accuracy"]


def test_paired_accuracy_asks_whether_a_pair_s_own_pairings_lie_above(module):
    rows = ask(module, Clips(clips(4)))
    rows["pairings"] = np.array([[5.0, 5, 1, 1], [-1, -5, -4, -3], [-9, -1, -5, -4], [0, 0, 0, 0]])
    found = measure(rows)
    assert found["paired_accuracy"] == (1 + 1 + 0 + 0.5) / 4
    assert found["sync_accuracy"] == 8 / 16
    assert paired_figures(rows)["paired_accuracy"].num_examples == 4


def test_the_floor_is_the_best_correlation_of_motion_and_loudness(module):
    """A square that brightens with the sound: no learning is needed, and a model that sees nothing is said to be below."""
    batch = clips(3)
    chance, (bins, hops) = np.random.default_rng(2), batch["log_mel"].shape[1:]
    steps = chance.normal(size=(6, 7))
    batch["frames"][:] = 100
    batch["frames"][:, :, 8:12, 8:12] += np.cumsum(np.insert(np.exp(steps), 0, 0, axis=1), axis=1).astype(np.uint8)[
        :, :, None, None, None
    ]
    times = (np.arange(hops) + 0.5) / hops
    loud = [np.interp(times, np.arange(1, 8) / 8, row) for row in steps]
    batch["log_mel"] = np.repeat(np.asarray(loud, np.float32)[:, None], bins, axis=1)
    rows = ask(module, Clips(batch))
    rows["pairings"] = -rows["floors"][:, 0]
    figures = paired_figures(rows)
    assert figures["floor_total_loudness"].value == figures["floor_cells_loudness"].value == 1
    own = figures["paired_accuracy"]
    assert (own.value, own.floor, own.floor_title) == (0, 1, "total motion with loudness")
    assert own.is_below_floor


def paired_figures(rows):
    return {figure.name: figure for figure in summarize(rows).figures}


def test_calibration_changes_probabilities_and_no_order(module):
    before = ask(module, Clips(clips(12)))
    module.calibration = Calibration(0.2, 1.5)
    after = ask(module, Clips(clips(12)))
    np.testing.assert_allclose(after["pairings"], 0.2 * before["pairings"] + 1.5, atol=1e-5)
    np.testing.assert_allclose(after["uncalibrated"], before["pairings"], atol=1e-4)
    assert measure(after)["paired_accuracy"] == measure(before)["paired_accuracy"]
    assert answers(after).num_recordings == 12
    figures, raw = paired_figures(after), paired_figures(before)
    for name in ("expected_calibration_error", "loss"):
        assert figures[name].uncalibrated == pytest.approx(raw[name].value, abs=1e-4)
        assert figures[name].value != pytest.approx(raw[name].value, abs=1e-3)
        assert np.isnan(raw[name].uncalibrated)
    assert figures["loss"].value == pytest.approx(measure(after)["loss"])
