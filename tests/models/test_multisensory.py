"""Maps add up to logits and their cells lie where a source makes them peak."""

from math import comb

import pytest
import torch
from torch import Tensor, nn

from models import multisensory
from models.losses.synchronization import pairings, synchronization_loss
from models.multisensory import Multisensory

SMALL = (40, 128, 128)  # the smallest clip with a map of 2x4x4 in `aligned`
TINY = {"num_bins": 8, "audio_channels": 8, "video_channels": (4, 8), "num_features": 8}


def averaging(network: Multisensory) -> Multisensory:
    """The network with weights that only average, so that evidence stays where it arose."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv3d):
            # Binomial, so that what a cell sees counts most in its middle.
            kernel = torch.ones(())
            for size in layer.kernel_size:
                line = torch.tensor([float(comb(size - 1, index)) for index in range(size)])
                kernel = kernel[..., None] * line / line.sum()
            layer.weight.data.copy_(kernel / layer.in_channels)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    nn.init.ones_(network.head.weight)
    return network.eval()


def evidence(network: Multisensory, video: Tensor) -> Tensor:
    with torch.no_grad():
        features = network.encode_video(video)
        channels = 128 if isinstance(network.join, multisensory.Concatenation) else 32
        silence = torch.zeros(len(video), channels, features.shape[2])
        return network.activation_map(network.fuse(silence, features))


def flash(size: tuple[int, int, int], at: tuple[int, int, int], radius: int) -> Tensor:
    """A video that is black but for a bright patch in one or all frames (frame -1)."""
    video = torch.zeros(1, 3, *size)
    frame, row, column = at
    frames = slice(None) if frame < 0 else slice(frame, frame + 1)
    rows = slice(max(row - radius, 0), row + radius)
    columns = slice(max(column - radius, 0), column + radius)
    video[:, :, frames, rows, columns] = 1.0
    return video


@pytest.mark.parametrize(
    ("network", "sound", "video"),
    [
        (multisensory.compact(), (2, 32, 124), (2, 3, 30, 64, 64)),
        (multisensory.compact(audio_input="waveform"), (2, 1, 32000), (2, 3, 30, 64, 64)),
        (
            multisensory.aligned(audio_input="log_mel", num_bins=16, video_size=SMALL),
            (2, 16, 131),
            (2, 3, *SMALL),
        ),
    ],
    ids=["compact", "compact_waveform", "aligned_log_mel"],
)
def test_the_mean_of_the_map_and_the_bias_are_the_logit(
    network: Multisensory, sound: tuple[int, ...], video: tuple[int, ...]
) -> None:
    network.eval()
    generator = torch.Generator().manual_seed(0)
    sounds = torch.randn(sound, generator=generator).clamp(-1, 1)
    pictures = torch.rand(video, generator=generator) * 2 - 1
    with torch.no_grad():
        features = network.fuse(network.encode_audio(sounds), network.encode_video(pictures))
        activation = network.activation_map(features)
        logits = network(sounds, pictures)
    assert tuple(activation.shape[1:]) == tuple(len(axis) for axis in network.cell_centers())
    assert torch.allclose(activation.mean(dim=(1, 2, 3)) + network.head.bias, logits, atol=1e-5)


def test_paper_cells_cover_only_the_middle() -> None:
    centers = multisensory.paper().cell_centers()
    assert [time * 120 - 0.5 for time in centers.times] == pytest.approx(range(48, 69, 4))
    assert [row * 224 - 0.5 for row in centers.rows] == pytest.approx(range(92, 125, 8))
    assert centers.columns == centers.rows


def test_aligned_cells_are_centered_on_the_picture() -> None:
    centers = multisensory.aligned().cell_centers()
    assert [row * 224 - 0.5 for row in centers.rows] == pytest.approx(range(40, 185, 16))
    assert [time * 120 - 0.5 for time in centers.times] == pytest.approx(range(12, 101, 8))


def test_compact_cells_tile_the_clip() -> None:
    centers = multisensory.compact().cell_centers()
    assert centers.rows == pytest.approx([(index + 0.5) / 8 for index in range(8)], abs=0.01)
    assert centers.columns == centers.rows
    assert centers.times == pytest.approx([(index + 0.5) / 15 for index in range(15)], abs=0.01)


def test_a_moved_source_moves_the_peak_of_the_aligned_map() -> None:
    network = averaging(multisensory.aligned(video_size=SMALL))
    rows = network.cell_centers().rows
    dark = evidence(network, torch.zeros(1, 3, *SMALL))
    for row in range(4):
        for column in {0, 3 - row}:
            at = (-1, round(rows[row] * 128), round(rows[column] * 128))
            bright = (evidence(network, flash(SMALL, at, radius=6)) - dark).mean(dim=(0, 1))
            assert divmod(int(bright.argmax()), 4) == (row, column)


def test_a_moved_source_moves_the_peak_of_the_compact_map() -> None:
    network = averaging(multisensory.compact())
    rows = network.cell_centers().rows
    for row in range(8):
        for column in {1, row, 7 - row}:
            at = (-1, round(rows[row] * 64), round(rows[column] * 64))
            bright = evidence(network, flash((30, 64, 64), at, radius=3)).mean(dim=(0, 1))
            assert divmod(int(bright.argmax()), 8) == (row, column)


def test_a_later_flash_peaks_later() -> None:
    network = averaging(multisensory.compact())
    for cell in (2, 7, 12):
        bright = evidence(network, flash((30, 64, 64), (2 * cell, 32, 32), radius=8))
        assert int(bright.mean(dim=(0, 2, 3)).argmax()) == cell


def test_sound_is_read_at_the_times_of_the_picture() -> None:
    network = averaging(multisensory.compact())
    for frame in (5, 15, 24):
        sound = torch.zeros(1, 32, 124)
        sound[..., round((frame + 0.5) / 30 * 124 - 0.5)] = 1.0
        with torch.no_grad():
            features = network.encode_audio(sound) - network.encode_audio(0 * sound)
        assert features.shape == (1, 32, 30)
        assert int(features.mean(dim=1).argmax()) == frame


def test_sound_of_another_length_is_refused() -> None:
    network = multisensory.compact()
    video_features = network.encode_video(torch.zeros(1, 3, 20, 64, 64))
    with pytest.raises(ValueError, match="sound has 30 cells in time and video has 20"):
        network.fuse(network.encode_audio(torch.zeros(1, 32, 124)), video_features)


def test_encoded_windows_can_be_paired_afterward() -> None:
    network = multisensory.compact().eval()
    sound, video = torch.randn(2, 32, 124), torch.rand(2, 3, 30, 64, 64)
    paired = pairings(network.encode_audio(sound), network.encode_video(video))
    with torch.no_grad():
        logits = network.logits(network.fuse(paired.audio_features, paired.video_features))
        expected = network(sound[[0, 1, 0, 1]], video[[0, 1, 1, 0]])
    assert torch.allclose(logits, expected, atol=1e-5)


def test_compact_has_about_38_thousand_parameters() -> None:
    num_parameters = sum(weight.numel() for weight in multisensory.compact().parameters())
    assert 33_000 < num_parameters < 43_000


def test_an_example_does_not_depend_on_its_batch_with_group_normalization() -> None:
    network = multisensory.compact(norm="group", **TINY, video_size=(8, 32, 32))
    sound, video = torch.randn(4, 8, 32), torch.rand(4, 3, 8, 32, 32)
    together = network(sound, video)
    assert torch.allclose(network(sound[:1], video[:1]), together[:1], atol=1e-5)


def test_a_tiny_network_overfits_one_batch() -> None:
    torch.manual_seed(0)
    network = multisensory.compact(**TINY, video_size=(8, 32, 32))
    sound, video = torch.randn(4, 8, 32), torch.rand(4, 3, 8, 32, 32)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    loss = torch.tensor(0.0)
    for _ in range(60):
        paired = pairings(network.encode_audio(sound), network.encode_video(video))
        features = network.fuse(paired.audio_features, paired.video_features)
        loss = synchronization_loss(network.logits(features), paired.targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.1
