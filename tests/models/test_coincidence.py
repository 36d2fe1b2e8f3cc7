"""Evidence comes from changes alone, on one clock for all frame rates, and maps add up to logits."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from models.blocks.cells import pixel_centers
from models.coincidence import Coincidence, _pooled, _soft_maximum, disturb
from models.losses.synchronization import pairing_margin_loss, pairings


def network(*, frame_rate: float = 15.0) -> Coincidence:
    torch.manual_seed(0)
    frames = round(2 * frame_rate)
    return Coincidence(
        num_bins=8, num_features=8, grid=4, scales=(2, 4), num_frames=frames, frame_rate=frame_rate
    ).eval()


def clips(num_clips: int = 2, *, frames: int = 30, hops: int = 124, size: int = 16) -> tuple[Tensor, Tensor]:
    """Sounds and pictures of chance."""
    torch.manual_seed(1)
    return torch.randn(num_clips, 8, hops) * 3 - 8, torch.rand(num_clips, 3, frames, size, size) * 2 - 1


def test_the_mean_of_the_map_and_the_bias_are_the_logit():
    made = network()
    sound, video = clips()
    evidence = made.fuse(made.encode_audio(sound), made.encode_video(video))
    maps = made.activation_map(evidence)
    assert tuple(maps.shape[1:]) == tuple(len(axis) for axis in made.cell_centers()) == (30, 4, 4)
    assert torch.allclose(maps.mean(dim=(1, 2, 3)) + made.bias, made.logits(evidence), atol=1e-5)
    assert torch.equal(maps.mean(dim=1).flatten(1).argmax(dim=1), evidence.mean(dim=1).flatten(1).argmax(dim=1))


def test_silence_and_a_still_picture_are_no_evidence():
    made = network()
    sound, video = clips()
    still = video[:, :, :1].expand_as(video)
    bias = torch.full((2,), made.bias)
    with torch.inference_mode():
        assert torch.allclose(made(torch.full_like(sound, -13.8), video), bias, atol=1e-4)
        assert torch.allclose(made(sound, still), bias, atol=1e-4)
        assert not torch.isclose(made(sound, video), bias, atol=1e-3).any()


def test_neither_loudness_nor_brightness_nor_contrast_changes_the_evidence():
    made = network()
    sound, video = clips()
    assert torch.allclose(made(sound + 2.0, video), made(sound, video), atol=1e-4)
    assert torch.allclose(made(sound, 0.5 * video + 0.3), made(sound, video), atol=0.02)


def test_a_clip_may_be_of_any_length_and_size():
    made = network()
    for frames, hops, size in ((15, 61, 16), (90, 374, 30)):
        sound, video = clips(frames=frames, hops=hops, size=size)
        evidence = made.fuse(made.encode_audio(sound), made.encode_video(video))
        assert evidence.shape == (2, frames, 4, 4)
    with pytest.raises(ValueError, match="sound has 15 moments and video has 30"):
        made.fuse(made.encode_audio(clips(hops=61)[0]), made.encode_video(clips()[1]))


def film(frame_rate: float, *, noise: float = 0.0) -> Tensor:
    """Two blobs that swell and shrink, each in a rhythm of its own, under the noise of a camera."""
    chance = torch.Generator().manual_seed(2)
    sides = torch.linspace(-1, 1, 32)
    away = sides[:, None] ** 2 + sides[None, :] ** 2
    seconds = torch.arange(round(2 * frame_rate)) / frame_rate
    rhythms = torch.tensor([[0.7, 1.3], [1.1, 0.4]])[:, :, None] * seconds
    radius = 0.4 + (torch.tensor([[0.25], [0.1]]) * torch.sin(2 * torch.pi * rhythms)).sum(dim=1)
    blob = 2 * torch.sigmoid((radius[..., None, None] - away) * 8) - 1
    return (blob + noise * torch.randn(blob.shape, generator=chance))[:, None].expand(-1, 3, -1, -1, -1)


@pytest.mark.parametrize("frame_rate", [25.0, 30.0, 60.0])
def test_film_of_a_higher_frame_rate_gives_nearly_the_same_features(frame_rate):
    slow, fast = (network(frame_rate=rate).encode_video(film(rate)) for rate in (15.0, frame_rate))
    assert slow.shape == fast.shape == (2, 24, 30, 4, 4)
    agreement = functional.cosine_similarity(slow.flatten(1), fast.flatten(1))
    turned = functional.cosine_similarity(slow.flatten(1), fast.flip(2).flatten(1))
    assert agreement.min() > 0.9 > 0.5 > turned.max()


@pytest.mark.parametrize("frame_rate", [25.0, 30.0])
def test_logits_are_nearly_the_same_at_other_frame_rates(frame_rate):
    """Of eight sounds with two films: what differs is below a third of the spread between the sounds."""
    sound = functional.avg_pool1d(clips(8)[0], 9, stride=1, padding=4) * 3

    def logits(rate: float) -> Tensor:
        with torch.inference_mode():
            return network(frame_rate=rate)(sound, film(rate).repeat_interleave(4, dim=0))

    slow, fast = logits(15.0), logits(frame_rate)
    assert (slow - fast).abs().max() < slow.std() / 3


@pytest.mark.parametrize("frame_rate", [15.0, 25.0, 30.0, 60.0])
def test_camera_noise_hides_no_more_motion_at_higher_frame_rates(frame_rate):
    """Frames that follow each other at 60 a second hold a quarter of the motion, and all of the noise: correlation 0.46."""
    clean = network().motion(film(15.0))[:, 0]
    noisy = network(frame_rate=frame_rate).motion(film(frame_rate, noise=0.1))[:, 0]
    assert torch.corrcoef(torch.stack([clean.flatten(), noisy.flatten()]))[0, 1] > 0.78


@pytest.mark.parametrize(("hops", "heard"), [(118, 29), (127, 31)])
def test_a_sound_one_moment_off_is_held_or_cut(hops, heard):
    made = network()
    sound, video = clips(hops=hops)
    features = made.encode_audio(sound)
    assert features.shape[2] == heard
    assert made.fuse(features, made.encode_video(video)).shape[1] == 30


def test_the_map_peaks_where_something_moves_with_the_sound():
    """Learned from squares that jump where the sound does, at one of sixteen places, while another jumps at other times."""
    chance = torch.Generator().manual_seed(0)
    made = network().train()
    optimizer = torch.optim.AdamW(made.parameters(), lr=0.01)
    for _ in range(60):
        sound, video, _ = jumping_squares(8, chance)
        both = pairings(made.encode_audio(sound), made.encode_video(video))
        loss = pairing_margin_loss(made.logits(made.fuse(both.audio_features, both.video_features)), both.targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    sound, video, places = jumping_squares(32, chance)
    with torch.no_grad():
        maps = made.activation_map(made.fuse(made.encode_audio(sound), made.encode_video(video)))
    found = maps.mean(dim=1).flatten(1).argmax(dim=1)
    assert (found == places).float().mean() > 0.9


def jumping_squares(num_pairs: int, chance: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Sounds, pictures and the cell that sounds, of two windows of each scene."""
    count = 2 * num_pairs
    places = torch.stack([torch.randperm(16, generator=chance)[:2] for _ in range(num_pairs)]).repeat_interleave(2, 0)
    jumps = torch.rand(count, 2, 30, generator=chance) < 0.15
    level = jumps.cumsum(dim=2) % 2
    cells = torch.zeros(count, 16, 30)
    rows = torch.arange(count)
    for striker in range(2):
        cells[rows, places[:, striker]] = level[:, striker].float()
    video = cells.view(count, 4, 4, 30).permute(0, 3, 1, 2).repeat_interleave(4, 2).repeat_interleave(4, 3)
    loud = jumps[:, 0].float().repeat_interleave(4, 1) * 6 - 8
    noise = 0.3 * torch.randn(count, 8, 120, generator=chance)
    return loud[:, None] + noise, video[:, None].expand(-1, 3, -1, -1, -1), places[:, 0]


def test_cells_tile_the_picture():
    assert network().cell_centers().rows == tuple(pixel_centers(4)) == (0.125, 0.375, 0.625, 0.875)


def test_training_features_are_of_a_drawn_length_unless_jitter_is_off():
    made = network()
    sound, video = clips()
    lengths = set()
    for seed in range(8):
        heard, seen = made.encode_disturbed(sound, video, torch.Generator().manual_seed(seed), hidden=False)
        assert abs(heard.shape[2] - seen.shape[2]) <= 1
        lengths.add(seen.shape[2])
    assert len(lengths) > 3
    assert max(lengths) <= 30
    still = made.encode_disturbed(sound, video, torch.Generator(), hidden=False, jitter=False)
    assert torch.equal(still[0], made.encode_audio(sound))
    assert torch.equal(still[1], made.encode_video(video))


def test_a_fifth_of_places_and_bands_is_hidden_to_train():
    sound, video = clips(num_clips=64, frames=2, size=24)
    heard, seen = disturb(sound, video, torch.Generator().manual_seed(0))
    assert 0.1 < (seen == 0).float().mean() < 0.3
    assert 0.1 < (heard.std(dim=2) < 1).float().mean() < 0.3
    again = disturb(sound, video, torch.Generator().manual_seed(0))
    assert torch.equal(heard, again[0])
    assert torch.equal(seen, again[1])


def test_motion_of_larger_squares_is_that_of_all_their_cells():
    motion = clips()[1][:, :2, :, ::4, ::4]
    pooled = _pooled(motion, 4)
    assert pooled.shape == (2, 2, 30, 1, 1)
    assert torch.allclose(pooled[:, 0, :, 0, 0], motion[:, 0].exp().mean(dim=(2, 3)).log(), atol=1e-5)
    assert torch.allclose(pooled[:, 1, :, 0, 0], motion[:, 1].mean(dim=(2, 3)), atol=1e-6)


def test_the_view_that_fits_best_carries_a_cell():
    """One of two views correlates, the other does not: the evidence is nearly that of the first, less the log of their number."""
    evidence = torch.zeros(1, 2, 6, 1, 1)
    evidence[:, 0] = 9.0
    found = _soft_maximum(evidence)
    assert found.mean().item() == pytest.approx(9 - math.log(2), abs=1e-3)
    assert _soft_maximum(torch.zeros(1, 4, 6, 2, 2)).abs().max() < 1e-6
