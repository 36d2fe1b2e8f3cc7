"""The picture encoder scales what it is given, and keeps still where it is frozen."""

import pytest
import torch

from models.encoders.picture import PictureEncoder

NAME = "test_efficientnet"


def pictures(height: int, width: int) -> torch.Tensor:
    return torch.randint(256, (2, height, width, 3), dtype=torch.uint8)


def test_pictures_of_any_size_give_features() -> None:
    encoder = PictureEncoder(NAME, size=32, frozen=False).eval()
    assert encoder(pictures(32, 32)).shape == encoder(pictures(20, 51)).shape == (2, encoder.num_features)


def test_a_frozen_encoder_has_no_gradient_and_keeps_its_statistics() -> None:
    encoder = PictureEncoder(NAME, size=32, frozen=True).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    features = encoder(pictures(32, 32))
    assert not features.requires_grad
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())


def test_weights_under_other_names_are_taken_in_their_order() -> None:
    first, second = (PictureEncoder(NAME, size=32, frozen=True) for _ in range(2))
    second.load_in_order({f"other{number}": value for number, value in enumerate(_weights(first))})
    seen = pictures(32, 32)
    torch.testing.assert_close(first(seen), second(seen))


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match="1 tensors are not the"):
        PictureEncoder(NAME, size=32, frozen=True).load_in_order({"only": torch.zeros(3)})


def _weights(encoder: PictureEncoder) -> list[torch.Tensor]:
    return [v for name, v in encoder.network.state_dict().items() if not name.endswith("num_batches_tracked")]
