"""The recipe takes clips of mouths alone, and the sizes of its data."""

import dataclasses

import pytest

from datasets.presets import PRESETS
from infra.errors import InputError
from workflows.recipes import lip_sync


def fitted(config=None, **changes):
    changes = {"fit": "mouth", "frame_rate": 30.0} | changes
    card = {"config": dataclasses.replace(PRESETS["demo"], **changes).to_dict()}
    return lip_sync.fit_to(config or lip_sync.demo(), {"clips": card})


def test_lip_sync_takes_the_clock_of_its_data():
    config = fitted(frame_rate=25.0, clip_seconds=3.0)
    assert (config.num_frames, config.frame_rate, config.hop_ms) == (75, 25.0, 16.0)
    network = lip_sync.build(config, {}, {}).modules["network"].network
    assert (network.most_lag, len(network.cell_centers().times)) == (2, 75)


def test_lip_sync_reads_whole_pictures_only_when_told():
    with pytest.raises(InputError, match="clips show the picture with fit=squeeze; prepare them with --fit mouth"):
        fitted(fit="squeeze")
    assert fitted(dataclasses.replace(lip_sync.demo(), any_picture=True), fit="squeeze").num_frames == 60


@pytest.mark.parametrize(
    ("config", "changes", "message"),
    [
        ({}, {"size": 32}, "crop_size: 48 is larger than the 32 pixels that the dataset stores"),
        ({"lag_ms": 900.0}, {}, "lag_ms: 900.0 is not between 0 and a quarter of a clip of 2.0 s"),
        ({}, {"frame_rate": 1.0}, "frame_rate: 1.0 gives clips of 2 frames"),
    ],
)
def test_lip_sync_refuses_what_it_cannot_see(config, changes, message):
    with pytest.raises(InputError, match=message):
        fitted(dataclasses.replace(lip_sync.demo(), **config), **changes)
