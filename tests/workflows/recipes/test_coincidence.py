"""The recipe takes the sizes of its data and refuses what it cannot see."""

import dataclasses

import pytest

from datasets.presets import PRESETS
from infra.errors import InputError
from workflows.recipes import coincidence


def fitted(config=None, **changes):
    card = {"config": dataclasses.replace(PRESETS["demo"], **changes).to_dict()}
    return coincidence.fit_to(config or coincidence.demo(), {"clips": card})


def test_coincidence_takes_the_clock_of_its_data():
    config = fitted(frame_rate=30.0, clip_seconds=3.0)
    assert (config.num_frames, config.frame_rate, config.hop_ms, config.window_ms) == (90, 30.0, 16.0, 32.0)
    assert len(coincidence.build(config, {}, {}).modules["network"].cell_centers().times) == 45


@pytest.mark.parametrize(
    ("config", "changes", "message"),
    [
        ({}, {"size": 32}, "crop_size: 64 is larger than the 32 pixels that the dataset stores"),
        ({}, {"clip_seconds": 0.1, "frame_rate": 10.0}, "frame_rate: 10.0 gives clips of one frame"),
        ({"scales": (5,)}, {}, "scales: squares of 5 cells do not tile a grid of 12"),
    ],
)
def test_coincidence_refuses_what_it_cannot_see(config, changes, message):
    with pytest.raises(InputError, match=message):
        fitted(dataclasses.replace(coincidence.demo(), **config), **changes)
