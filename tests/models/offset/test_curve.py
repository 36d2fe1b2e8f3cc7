"""A sound that is moved by a lag has its best evidence at that lag; what is unknown adds nothing."""

import pytest
import torch

from models.offset.curve import PHASES, evidence_by_lag, smooth_over_lags

MOMENTS, REACH = 40, 24


def series(*shape):
    """Smooth chance, so that neighboring lags are alike."""
    torch.manual_seed(0)
    rough = torch.randn(*shape, MOMENTS * PHASES + 2 * REACH)
    kernel = torch.hann_window(9).expand(1, 1, -1)
    flat = rough.reshape(-1, 1, rough.shape[-1])
    return torch.nn.functional.conv1d(flat, kernel, padding=4).view_as(rough)


def seen(sound, *, lag, cells=3):
    """A picture whose second cell does what the sound does `lag` fine moments later."""
    begin = REACH + lag
    picture = torch.zeros(1, len(sound), MOMENTS, cells)
    picture[0, :, :, 1] = sound[:, begin : begin + MOMENTS * PHASES : PHASES]
    return picture - picture.mean(dim=2, keepdim=True)


@pytest.mark.parametrize("lag", [-24, -7, 0, 5, 24])
def test_evidence_is_highest_at_the_lag_of_the_sound(lag):
    sound = series(2)
    curve = evidence_by_lag(sound, seen(sound, lag=lag), torch.ones(sound.shape[1], dtype=torch.bool), gain=10.0)
    assert int(curve.argmax()) - REACH == lag


def test_evidence_does_not_change_with_an_offset_added_to_the_sound():
    sound = series(2)
    picture, known = seen(sound, lag=3), torch.ones(sound.shape[1], dtype=torch.bool)
    plain, raised = (evidence_by_lag(each, picture, known, gain=10.0) for each in (sound, sound + 5.0))
    assert torch.allclose(plain, raised, atol=1e-4)


def test_evidence_does_not_change_with_the_order_of_cells():
    sound, known = series(2), torch.ones(MOMENTS * PHASES + 2 * REACH, dtype=torch.bool)
    picture = seen(sound, lag=3)
    turned = evidence_by_lag(sound, picture.flip(-1), known, gain=10.0)
    assert torch.allclose(turned, evidence_by_lag(sound, picture, known, gain=10.0), atol=1e-5)


def test_evidence_ignores_what_stands_where_there_is_no_sound():
    sound, known = series(2), torch.ones(MOMENTS * PHASES + 2 * REACH, dtype=torch.bool)
    known[:60] = False
    other = sound.clone()
    other[:, :60] = 100.0
    picture = seen(sound, lag=8)
    first, second = (evidence_by_lag(each, picture, known, gain=10.0) for each in (sound, other))
    assert torch.equal(first, second)
    assert int(first.argmax()) - REACH == 8


def test_evidence_is_zero_without_sound_and_without_motion():
    sound, unknown = series(2), torch.zeros(MOMENTS * PHASES + 2 * REACH, dtype=torch.bool)
    assert torch.allclose(evidence_by_lag(sound, seen(sound, lag=0), unknown, gain=10.0), torch.zeros(1), atol=1e-6)
    still = torch.zeros(1, 2, MOMENTS, 3)
    assert torch.allclose(evidence_by_lag(sound, still, ~unknown, gain=10.0), torch.zeros(1), atol=1e-6)


def test_smoothing_over_lags_keeps_a_peak_in_its_place_and_merges_two_that_are_near():
    lags = torch.arange(41, dtype=torch.float64)
    peak = torch.exp(-0.5 * ((lags - 17) / 3) ** 2)
    assert int(smooth_over_lags(peak, width=1.0).argmax()) == 17
    two = torch.exp(-2 * (lags - 19) ** 2) + 1.01 * torch.exp(-2 * (lags - 21) ** 2)
    assert int(two.argmax()) == 21
    assert int(smooth_over_lags(two, width=1.5).argmax()) == 20
    assert smooth_over_lags(two, width=0.0) is two
    assert torch.allclose(smooth_over_lags(torch.ones(9), width=2.0), torch.ones(9))
