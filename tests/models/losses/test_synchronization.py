"""The four pairings give either label to every window, and the loss its closed forms."""

import math

import pytest
import torch

from models.losses.synchronization import pairing_margin_loss, pairing_targets, pairings, synchronization_loss


def test_pairings_are_own_own_other_other_pair_after_pair() -> None:
    windows = torch.arange(4.0)
    paired = pairings(windows[:, None, None], windows[:, None, None, None, None])
    assert paired.audio_features.flatten().tolist() == [0, 1, 0, 1, 2, 3, 2, 3]
    assert paired.video_features.flatten().tolist() == [0, 1, 1, 0, 2, 3, 3, 2]
    assert paired.targets.tolist() == [1, 1, 0, 0, 1, 1, 0, 0]


def test_targets_say_whether_sound_and_picture_are_of_one_window() -> None:
    windows = torch.arange(6.0)[:, None]
    audio, video, targets = pairings(windows, windows)
    assert torch.equal((audio == video).flatten().float(), targets)


def test_every_sound_and_every_picture_has_either_label_once() -> None:
    windows = torch.arange(6.0)[:, None]
    audio, video, targets = pairings(windows, windows)
    for side in (audio, video):
        for window in range(6):
            assert sorted(targets[side[:, 0] == window].tolist()) == [0.0, 1.0]


def test_windows_must_come_in_pairs() -> None:
    with pytest.raises(ValueError, match="do not form pairs"):
        pairings(torch.zeros(3, 2, 4), torch.zeros(3, 2, 4, 1, 1))
    with pytest.raises(ValueError, match="4 sounds and 2 pictures"):
        pairings(torch.zeros(4, 2, 4), torch.zeros(2, 2, 4, 1, 1))


def test_the_loss_of_no_opinion_is_log_two() -> None:
    loss = synchronization_loss(torch.zeros(8), pairing_targets(2))
    assert float(loss) == pytest.approx(math.log(2))


def test_the_loss_has_its_closed_form() -> None:
    logits = torch.tensor([2.0, 1.0, -1.0, 0.5])
    signed = logits * torch.tensor([1.0, 1.0, -1.0, -1.0])
    expected = sum(math.log1p(math.exp(-value)) for value in signed.tolist()) / 4
    assert float(synchronization_loss(logits, pairing_targets(1))) == pytest.approx(expected)


def test_one_modality_cannot_do_better_than_log_two() -> None:
    windows = torch.randn(20, 1)
    audio, video, targets = pairings(windows, torch.randn(20, 1))
    for side in (audio, video):
        assert float(synchronization_loss(side[:, 0], targets)) > math.log(2)


def test_gradients_reach_either_window_from_both_of_its_pairings() -> None:
    audio = torch.ones(2, 1, requires_grad=True)
    paired = pairings(audio, torch.ones(2, 1))
    (gradient,) = torch.autograd.grad(paired.audio_features.sum(), audio)
    assert gradient.flatten().tolist() == [2.0, 2.0]


def test_the_margin_loss_counts_each_pair_against_itself() -> None:
    logits = torch.tensor([2.0, 1.0, -1.0, 0.5])
    margins = [2.0 + 1.0, 2.0 - 0.5, 1.0 + 1.0, 1.0 - 0.5]
    expected = sum(math.log1p(math.exp(-value)) for value in margins) / 4
    targets = pairing_targets(1)
    found = pairing_margin_loss(logits, targets) - synchronization_loss(logits, targets)
    assert float(found) == pytest.approx(expected)
    shifted = torch.cat([logits, logits + 5])
    apart = pairing_margin_loss(shifted, pairing_targets(2)) - synchronization_loss(shifted, pairing_targets(2))
    assert float(apart) == pytest.approx(expected)
