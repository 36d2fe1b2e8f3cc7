"""Crops and flips are one per clip, deterministic, and exact."""

import pytest
import torch
from torch import Tensor

from models.frontends.augmentation import augment, center_crop, hide_bands, hide_places, scale_frames


def frames_that_say_where_they_are(num_clips: int, size: int) -> Tensor:
    row = torch.arange(size, dtype=torch.uint8)
    picture = torch.stack(
        [
            row[:, None].expand(size, size),
            row[None, :].expand(size, size),
            row.new_zeros(size, size),
        ],
        dim=-1,
    )
    return picture.expand(num_clips, 3, size, size, 3)


def rows_and_columns(video: Tensor) -> Tensor:
    return ((video[:, :2] + 1) * 127.5).round().int()


def test_scaling_maps_bytes_to_minus_one_and_one() -> None:
    frames = torch.tensor([0, 255], dtype=torch.uint8).view(1, 2, 1, 1, 1).expand(1, 2, 1, 1, 3)
    assert scale_frames(frames).shape == (1, 3, 2, 1, 1)
    assert scale_frames(frames)[0, 0].flatten().tolist() == [-1.0, 1.0]


def test_every_clip_is_cut_in_one_place_for_all_its_frames() -> None:
    frames = frames_that_say_where_they_are(16, 12)
    places = rows_and_columns(augment(frames, size=8, generator=torch.Generator().manual_seed(0), flip=False))
    assert places.shape == (16, 2, 3, 8, 8)
    assert (places == places[:, :, :1]).all()
    corners = {tuple(clip[:, 0, 0, 0].tolist()) for clip in places}
    assert len(corners) > 4
    assert (places[:, 0, 0, :, 0] - places[:, 0, 0, :1, 0] == torch.arange(8)).all()


def test_about_half_of_the_clips_are_mirrored_and_none_is_upside_down() -> None:
    frames = frames_that_say_where_they_are(64, 8)
    places = rows_and_columns(augment(frames, size=8, generator=torch.Generator().manual_seed(0)))
    mirrored = places[:, 1, 0, 0, 0] == 7
    assert 16 < int(mirrored.sum()) < 48
    assert (places[:, 0, 0, :, 0] == torch.arange(8)).all()


def test_equal_generators_give_equal_clips() -> None:
    frames = torch.randint(256, (5, 2, 10, 10, 3), dtype=torch.uint8)
    first = augment(frames, size=6, generator=torch.Generator().manual_seed(4))
    again = augment(frames, size=6, generator=torch.Generator().manual_seed(4))
    other = augment(frames, size=6, generator=torch.Generator().manual_seed(5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_cropping_and_scaling_commute() -> None:
    frames = torch.randint(256, (2, 2, 10, 12, 3), dtype=torch.uint8)
    assert torch.equal(scale_frames(center_crop(frames, size=6)), scale_frames(frames)[..., 2:8, 3:9])


def test_a_crop_larger_than_the_frames_is_refused() -> None:
    frames = torch.zeros(1, 2, 8, 8, 3, dtype=torch.uint8)
    with pytest.raises(ValueError, match="crop size 9 is larger than the stored frames of 8x8"):
        augment(frames, size=9, generator=torch.Generator())
    with pytest.raises(ValueError, match="crop size 9"):
        center_crop(frames, size=9)


def test_hidden_places_are_gray_in_all_frames_of_a_clip() -> None:
    video = torch.ones(16, 3, 4, 12, 12)
    hidden = hide_places(video, share=0.25, places=4, generator=torch.Generator().manual_seed(0))
    assert set(hidden.unique().tolist()) == {0.0, 1.0}
    assert (hidden == hidden[:, :, :1]).all()
    assert 0.15 < float((hidden == 0).float().mean()) < 0.35
    places = hidden[:, 0, 0].unfold(1, 3, 3).unfold(2, 3, 3)
    assert (places == places[..., :1, :1]).all()


def test_hidden_bands_stay_at_their_mean() -> None:
    log_mel = torch.randn(16, 8, 20, generator=torch.Generator().manual_seed(0))
    hidden = hide_bands(log_mel, share=0.25, generator=torch.Generator().manual_seed(0))
    changed = (hidden != log_mel).any(dim=2)
    assert 0.1 < float(changed.float().mean()) < 0.4
    assert torch.allclose(hidden.mean(dim=2), log_mel.mean(dim=2), atol=1e-6)
    assert float(hidden[changed].std(dim=1).max()) < 1e-6
