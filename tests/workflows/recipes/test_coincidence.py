"""The recipe takes the sizes of its data and refuses what it cannot see."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

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


def test_a_learner_with_jitter_goes_on_from_its_state_as_if_never_interrupted():
    config = dataclasses.replace(coincidence.tiny(), jitter=True, disturbed=True)
    chance = np.random.default_rng(0)
    frames = chance.integers(0, 255, (4, config.num_frames, 32, 32, 3), np.uint8)
    log_mel = chance.normal(-8, 3, (4, config.num_bins, config.num_hops)).astype(np.float32)
    batch = {"clips": {"frames": frames, "log_mel": log_mel}}

    def begun():
        learner = coincidence.build(config, {}, {})
        learner.begin(total_steps=20, device=torch.device("cpu"))
        return learner

    whole, resumed = begun(), begun()
    for _ in range(3):
        whole.step(batch)
    first, second = (learner.modules["network"] for learner in (whole, resumed))
    second.load_state_dict(first.state_dict())
    second.generator.set_state(first.generator.get_state())
    resumed.load_state_dict(copy.deepcopy(whole.state_dict()), done=0.15)
    losses = [[learner.step(batch)["loss"] for _ in range(3)] for learner in (whole, resumed)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_two_datasets_are_learned_from_as_the_mean_of_both():
    config = dataclasses.replace(coincidence.tiny(), more=True)
    chance = np.random.default_rng(0)

    def batch():
        frames = chance.integers(0, 255, (4, config.num_frames, 32, 32, 3), np.uint8)
        log_mel = chance.normal(-8, 3, (4, config.num_bins, config.num_hops)).astype(np.float32)
        return {"frames": frames, "log_mel": log_mel}

    assert list(coincidence.streams(config)) == ["clips", "more"]
    film, drawn = batch(), batch()
    network = coincidence.build(config, {}, {}).modules["network"]
    apart = [network({"clips": each})["loss"].item() for each in (film, drawn)]
    assert network({"clips": film, "more": drawn})["loss"].item() == pytest.approx(sum(apart) / 2)


def test_two_datasets_of_other_clips_are_refused():
    config, one = dataclasses.replace(coincidence.tiny(), more=True), PRESETS["demo"]
    cards = {
        name: {"config": dataclasses.replace(one, **changes).to_dict()}
        for name, changes in (("clips", {}), ("more", {"frame_rate": 25.0}))
    }
    with pytest.raises(InputError, match=r"^--data: more has frame_rate=25.0 and clips 15.0; prepare both alike$"):
        coincidence.fit_to(config, cards)
