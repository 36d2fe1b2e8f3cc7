"""Mouths and speech are compared each against its own clip, at any small lag, and evidence adds up to logits."""

import torch
from torch import Tensor

from models.lip_sync import LipSync, mouth_channels, turned


def network(**options) -> LipSync:
    torch.manual_seed(0)
    return LipSync(num_bins=8, num_features=8, num_frames=30, frame_rate=15.0, **options).eval()


def clips() -> tuple[Tensor, Tensor]:
    """Sounds and pictures of chance."""
    torch.manual_seed(1)
    return torch.randn(2, 8, 124) * 3 - 8, torch.rand(2, 3, 30, 48, 48) - 0.5


def test_the_mean_of_the_map_and_the_bias_are_the_logit():
    made = network()
    sound, video = clips()
    evidence = made.fuse(made.encode_audio(sound), made.encode_video(video))
    maps = made.activation_map(evidence)
    assert tuple(maps.shape[1:]) == tuple(len(axis) for axis in made.cell_centers()) == (30, 1, 1)
    assert torch.allclose(maps.mean(dim=(1, 2, 3)) + made.bias, made.logits(evidence), atol=1e-5)


def test_silence_and_a_still_mouth_are_no_evidence():
    made = network()
    sound, video = clips()
    bias = torch.full((2,), made.bias)
    with torch.inference_mode():
        assert torch.allclose(made(torch.full_like(sound, -13.8), video), bias, atol=1e-4)
        assert torch.allclose(made(sound, video[:, :, :1].expand_as(video)), bias, atol=1e-4)
        assert not torch.isclose(made(sound, video), bias, atol=1e-3).any()


def test_neither_loudness_nor_brightness_changes_the_evidence():
    made = network()
    sound, video = clips()
    assert torch.allclose(made(sound + 2.0, video + 0.3), made(sound, video), atol=1e-3)


def test_sound_that_is_late_within_the_lag_counts_as_in_sync():
    made = network(lag_seconds=0.2)
    features = torch.randn(1, 8, 30)
    late = features.roll(2, dims=2)
    in_step, two_late, five_late = (
        made.logits(made.fuse(heard, features)).item() for heard in (features, late, features.roll(5, dims=2))
    )
    assert abs(two_late - in_step) < 0.3 * abs(in_step - five_late)


def test_a_state_is_seen_that_motion_does_not_tell():
    """A mouth that opens once and stays open: its change is over at once, its shape is not."""
    video = torch.zeros(1, 3, 10, 32, 32)
    video[:, :, 3:, 12:20, 12:20] = -1.0
    shown, against_median, change = mouth_channels(video)[0, :, :, 16, 16]
    assert change[4:].abs().max() == 0
    assert against_median[0] != against_median[9]
    assert torch.allclose(shown[3:], shown[3])


def test_turned_clips_move_as_a_whole():
    still = torch.rand(3, 3, 1, 32, 32).expand(3, 3, 5, 32, 32).contiguous()
    moved = turned(still, torch.Generator().manual_seed(0))
    assert torch.allclose(moved, moved[:, :, :1].expand_as(moved), atol=1e-5)
    assert not torch.allclose(moved, still, atol=0.05)
