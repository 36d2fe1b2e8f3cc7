"""The part of a sound that fits the picture is found at its place, exactly for shifted copies; the loss knows "none"."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from models.blocks.cells import CellCenters
from models.offset.grid import offset_grid
from models.offset.matching import OffsetMatching
from models.synchronization import ClipSize

GRID = offset_grid(num_frames=30, frame_rate=15.0)


class Ramps(nn.Module):
    """Compares when a part of the sound begins with when the picture does; both rise over the clip, from 0 to 1."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(50.0))

    def encode_audio(self, sound):
        return sound[:, 0, 0]

    def encode_video(self, video):
        return (video[:, 0, 0, 0, 0] + 1) / 2

    def fuse(self, sound, picture):
        return 1 - self.gain * (sound - picture).abs()

    def logits(self, features):
        return features

    def activation_map(self, features):
        return features[:, None, None, None]

    def cell_centers(self):
        return CellCenters((0.25, 0.75), (0.5,), (0.5,))

    bias = 0.0


def matching(**changes):
    settings = {"num_candidates": 15, "hop_seconds": 0.016, "window_seconds": 0.032} | changes
    return OffsetMatching(
        Ramps(),
        grid=GRID,
        whole=ClipSize(30, 32000, 8, 124),
        sound_column="log_mel",
        crop_size=8,
        flip=False,
        seed=0,
        **settings,
    )


def ramps(num_clips, *, scale=1.0):
    frames = np.broadcast_to(
        np.rint(scale * 255 * np.arange(30) / 30).astype(np.uint8)[None, :, None, None, None], (num_clips, 30, 8, 8, 3)
    )
    hops = scale * np.arange(124) * 0.016 / 2
    return {"frames": frames.copy(), "log_mel": np.tile(hops, (num_clips, 8, 1)).astype(np.float32)}


def test_a_picture_from_any_place_is_matched_with_the_sound_of_that_place():
    clips = ramps(15)
    pictures = np.stack([clips["frames"][n, GRID.first_frame(n) :][: GRID.picture_frames] for n in range(15)])
    with torch.inference_mode():
        found = matching().offset_curves(pictures, [clips["log_mel"]], grid=GRID)
    assert found.evidence.shape == (1, 15, 15)
    assert found.lags[found.evidence[0].argmax(axis=1)].tolist() == GRID.seconds.tolist()


def test_a_whole_clip_in_sync_has_no_offset_and_is_decidable():
    with torch.inference_mode():
        found = matching().tell_offsets(ramps(2))
    assert found["offset_seconds"].tolist() == [0.0, 0.0]
    assert (found["decidable"] > 0.5).all()
    assert found["offset_probabilities"].sum(dim=1).tolist() == pytest.approx([1.0, 1.0])


def test_silence_and_a_still_picture_are_of_no_class():
    silent, still, clips = ramps(1), ramps(1), ramps(1)
    silent["log_mel"][:] = -13.8
    still["frames"][:] = still["frames"][:, :1]
    with torch.inference_mode():
        decidable = [matching().tell_offsets(batch)["decidable"].item() for batch in (silent, still, clips)]
    assert max(decidable[:2]) < 1e-6
    assert decidable[2] > 0.5


def test_maps_lie_in_the_middle_of_the_clip():
    first = 7 / 30
    assert matching().cell_centers().times == pytest.approx((first + 0.25 * 16 / 30, first + 0.75 * 16 / 30))


def test_the_loss_is_that_of_the_true_class_and_of_none_for_another_sound():
    """Where all logits are zero, each of the candidates and "none" is equally likely."""
    module = matching(num_candidates=7)
    module.network.fuse = lambda sound, picture: 0 * module.network.gain * (sound - picture)
    found = module({"clips": ramps(4)})
    assert found["loss"].item() == pytest.approx(math.log(8))


def test_the_true_class_is_always_offered_and_classes_only_once():
    module = matching(num_candidates=6)
    truth, offered, foreign = module._draw(64)
    assert offered[:, 0].tolist() == truth
    assert all(len(set(row)) == 6 for row in offered.tolist())
    assert 0 < foreign.sum() < 64
    assert set(truth) == set(range(15))


def test_a_single_pair_hears_no_other_video():
    module = matching()
    assert not any(module._draw(2)[2].any() for _ in range(20))
