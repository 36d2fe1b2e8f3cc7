"""The waveform front end mutes and compands as published."""

import math

import pytest
import torch

from models.frontends.waveform import WaveformFrontEnd, compand, mute_start


def test_the_start_is_silent_and_the_rest_is_untouched() -> None:
    waveform = torch.ones(2, 1, 10)
    assert mute_start(waveform, num_samples=4)[0, 0].tolist() == [0.0] * 4 + [1.0] * 6
    assert mute_start(waveform, num_samples=0) is waveform


def test_the_compander_keeps_sign_zero_and_full_scale() -> None:
    assert compand(torch.tensor([-1.0, 0.0, 1.0])).tolist() == pytest.approx([-1.0, 0.0, 1.0])


def test_the_compander_has_its_closed_form() -> None:
    expected = math.log(1 + 255 * 0.1) / math.log(256)
    assert float(compand(torch.tensor(-0.1))) == pytest.approx(-expected)


def test_mute_and_compander_are_options() -> None:
    waveform = torch.full((1, 1, 8), 0.5)
    assert torch.equal(WaveformFrontEnd(mute_samples=0, compander=False)(waveform), waveform)
    muted = WaveformFrontEnd(mute_samples=3)(waveform)
    assert (muted[..., :3] == 0).all()
    assert (muted[..., 3:] > 0.5).all()
