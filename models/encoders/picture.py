"""An image backbone from timm, as an encoder of still pictures in bytes."""

from collections.abc import Mapping
from typing import Any

import timm
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional


class PictureEncoder(nn.Module):
    """(batch, height, width, 3) uint8 -> (batch, features): pictures of any size, scaled to `size` and to [-1, 1].

    Args:
        name: A network of timm, such as `tf_efficientnet_lite0`; where it is frozen, with the classifier of its own classes.
        size: Height and width that the network sees, in pixels.
        frozen: Whether weights and statistics stay as they are.
    """

    network: Any

    def __init__(self, name: str, *, size: int, frozen: bool) -> None:
        super().__init__()
        self.network = timm.create_model(name, pretrained=False, num_classes=None if frozen else 0)
        self.size, self.frozen = size, frozen
        self.num_features: int = self.network.num_features
        self.network.requires_grad_(not frozen)
        self.train()

    def train(self, mode: bool = True) -> "PictureEncoder":
        """Switch to training, unless it is frozen."""
        return super().train(mode and not self.frozen)

    def load_in_order(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights of the same network under other names, tensor by tensor in their order.

        Raises:
            ValueError: If they are not of the same shapes.
        """
        own = [name for name in self.network.state_dict() if not name.endswith("num_batches_tracked")]
        values = [value for name, value in weights.items() if not name.endswith("num_batches_tracked")]
        mine = self.network.state_dict()
        if [mine[name].shape for name in own] != [value.shape for value in values]:
            raise ValueError(f"{len(values)} tensors are not the {len(own)} of this network")
        self.network.load_state_dict(dict(zip(own, values, strict=True)), strict=False)

    def forward(self, pictures: UInt8[Tensor, "batch height width 3"]) -> Float[Tensor, "batch features"]:
        """Features before the classifier, averaged over the picture."""
        values = pictures.movedim(-1, 1).float()
        if values.shape[2:] != (self.size, self.size):
            values = functional.interpolate(values, (self.size, self.size), mode="bilinear", antialias=True)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            return self.network.forward_head(self.network.forward_features(values / 127.5 - 1), pre_logits=True)

    def classify(self, features: Float[Tensor, "batch features"]) -> Float[Tensor, "batch classes"]:
        """Logits of a frozen network's own classes."""
        return self.network.get_classifier()(features)
