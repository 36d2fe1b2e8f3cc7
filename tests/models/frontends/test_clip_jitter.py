"""Jittered clips are parts of the same moments in sound and picture, between the shortest length and lowest rate and the whole clip."""

import pytest
import torch

from models.frontends.clip_jitter import jitter_clips

HOP = 0.016
FRAMES, HOPS, RATE = 30, 124, 15.0


def jittered(seed):
    """Part of a clip of 2 s whose hops and frames are the seconds of their middles, and its frame rate."""
    sound = ((torch.arange(HOPS) + 1) * HOP).expand(2, 4, -1)
    video = ((torch.arange(FRAMES) + 0.5) / RATE)[:, None, None].expand(2, 3, -1, 4, 4)
    generator = torch.Generator().manual_seed(seed)
    return jitter_clips(sound, video, generator, frame_rate=RATE, hop_seconds=HOP)


def test_jitter_keeps_sound_and_picture_at_the_same_moments():
    for seed in range(50):
        sound, video, frame_rate = jittered(seed)
        seconds = video.shape[2] / frame_rate
        begin = sound[0, 0, 0].item() - HOP
        assert sound.shape[2] * HOP == pytest.approx(seconds, abs=0.05)
        wanted = begin + (torch.arange(video.shape[2]) + 0.5) / frame_rate
        assert (video[0, 0, :, 0, 0] - wanted).abs().max() <= 0.5 / RATE + HOP


def test_jitter_draws_all_lengths_and_frame_rates():
    found = [(video.shape[2] / rate, rate) for _, video, rate in map(jittered, range(200))]
    lengths, rates = zip(*found, strict=True)
    assert min(lengths) == pytest.approx(1.2, abs=0.07)
    assert max(lengths) == 2.0
    assert min(rates) == pytest.approx(8.0, abs=0.5)
    assert max(rates) == pytest.approx(15.0, abs=0.5)


def test_jitter_depends_on_the_generator_alone():
    first, again, other = jittered(3), jittered(3), jittered(4)
    assert torch.equal(first[1], again[1])
    assert first[2] == again[2] != other[2]
