"""Every layer of the full-size networks has the size of the published table."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from models import multisensory
from models.multisensory import Multisensory

SOUND = {
    "block1.body.conv1": (64, 44084),
    "block1.body.pool1": (64, 11021),
    "block1.body.elu1": (64, 11021),
    "block1.body.norm1": (64, 11021),
    "block1.body.conv2": (128, 2756),
    "block1.body.norm2": (128, 2756),
    "block1.shortcut": (128, 2756),
    "block2.body.conv3": (128, 686),
    "block2.body.conv4": (128, 689),
    "block2.body.norm4": (128, 689),
    "block2.shortcut": (128, 689),
    "block3.body.conv5": (128, 172),
    "block3.body.pool5": (128, 28),
    "block3.body.conv6": (128, 24),
    "block3.body.norm6": (128, 24),
    "block3.shortcut": (128, 24),
}
PICTURE = {
    "block1.body.conv1": (64, 58, 109, 109),
    "block1.body.norm1": (64, 58, 109, 109),
    "block1.body.elu1": (64, 58, 109, 109),
    "block1.body.pool1": (64, 58, 54, 54),
    "block1.body.conv2": (64, 28, 26, 26),
    "block1.body.conv3": (64, 26, 24, 24),
    "block1.body.conv4": (64, 24, 22, 22),
    "block1.body.conv5": (64, 24, 20, 20),
    "block1.body.norm5": (64, 24, 20, 20),
    "block1.shortcut": (64, 24, 20, 20),
    "block1": (64, 24, 20, 20),
}
FUSED = {
    "conv1": (128, 24, 20, 20),
    "block1.body.conv2": (128, 22, 18, 18),
    "block1.body.conv3": (128, 20, 16, 16),
    "block1.body.conv4": (256, 18, 14, 14),
    "block1.body.conv5": (512, 16, 12, 12),
    "block1.body.conv6": (128, 12, 10, 10),
    "block1.body.norm6": (128, 12, 10, 10),
    "block1.shortcut": (128, 12, 10, 10),
    "block2.body.conv7": (256, 10, 8, 8),
    "block2.body.conv8": (512, 8, 6, 6),
    "block2.body.conv9": (128, 6, 5, 5),
    "block2.body.norm9": (128, 6, 5, 5),
    "block2.shortcut": (128, 6, 5, 5),
    "block2": (128, 6, 5, 5),
}
KERNELS = {
    "audio_encoder.block1.body.conv1": (65,),
    "audio_encoder.block1.body.conv2": (1,),
    "audio_encoder.block2.body.conv3": (15,),
    "audio_encoder.block2.body.conv4": (16,),
    "audio_encoder.block3.body.conv5": (15,),
    "audio_encoder.block3.body.conv6": (5,),
    "video_encoder.block1.body.conv1": (5, 7, 7),
    "video_encoder.block1.body.conv2": (3, 3, 3),
    "video_encoder.block1.body.conv3": (3, 3, 3),
    "video_encoder.block1.body.conv4": (3, 3, 3),
    "video_encoder.block1.body.conv5": (1, 3, 3),
    "trunk.conv1": (1, 1, 1),
    "trunk.block1.body.conv2": (3, 3, 3),
    "trunk.block1.body.conv3": (3, 3, 3),
    "trunk.block1.body.conv4": (3, 3, 3),
    "trunk.block1.body.conv5": (3, 3, 3),
    "trunk.block1.body.conv6": (5, 3, 3),
    "trunk.block2.body.conv7": (3, 3, 3),
    "trunk.block2.body.conv8": (3, 3, 3),
    "trunk.block2.body.conv9": (3, 2, 2),
}


def run(network: Multisensory, device: str) -> tuple[dict[str, tuple[int, ...]], int]:
    """Sizes of every layer's output without the batch, and the number of multiplications."""
    sizes: dict[str, tuple[int, ...]] = {}
    products = [0]

    def record(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
            sizes[name] = tuple(output.shape[1:])
            if isinstance(layer, nn.Conv1d | nn.Conv3d):
                products[0] += output.numel() * layer.weight[0].numel()

        return hook

    for name, layer in network.named_modules():
        layer.register_forward_hook(record(name))
    network.eval().to(device)
    with torch.no_grad():
        network(
            torch.zeros(1, 1, 176400, device=device),
            torch.zeros(1, 3, 120, 224, 224, device=device),
        )
    return sizes, products[0]


@pytest.fixture(scope="module")
def paper() -> Multisensory:
    return multisensory.paper()


def test_every_layer_has_the_size_of_the_table(paper: Multisensory) -> None:
    # Real numbers, not only shapes: a kernel that refuses such a size would be found here.
    sizes, products = run(paper, "cpu")
    for room, table in (
        ("audio_encoder", SOUND),
        ("video_encoder", PICTURE),
        ("trunk", FUSED),
    ):
        for name, size in table.items():
            assert sizes[f"{room}.{name}"] == size, f"{room}.{name}"
    assert sizes["join"] == (192, 24, 20, 20)
    assert sizes["head"] == (1,)
    assert products == pytest.approx(60e9, rel=0.02)


def test_every_kernel_is_that_of_the_table(paper: Multisensory) -> None:
    kernels = {
        name: layer.kernel_size
        for name, layer in paper.named_modules()
        if isinstance(layer, nn.Conv1d | nn.Conv3d) and "shortcut" not in name
    }
    assert kernels == KERNELS


def test_an_elu_follows_every_convolution(paper: Multisensory) -> None:
    names = [name for name, _ in paper.named_modules()]
    for convolution in KERNELS:
        assert convolution.replace("conv", "elu") in names


def test_the_aligned_map_is_larger_at_about_99_billion_products() -> None:
    sizes, products = run(multisensory.aligned(), "meta")
    assert sizes["video_encoder"] == (64, 24, 20, 20)
    assert sizes["trunk"] == (128, 12, 10, 10)
    assert products == pytest.approx(99e9, rel=0.02)


def test_aligned_takes_the_weights_of_paper(paper: Multisensory) -> None:
    multisensory.aligned().load_state_dict(paper.state_dict())
