"""Synchronization as a whole: a two-stream network with augmentation, the four pairings, their loss, and what it can be asked."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from models.blocks.cells import CellCenters
from models.calibration import Calibration
from models.frontends.augmentation import augment, center_crop, scale_frames
from models.losses.synchronization import pairings, synchronization_loss

SILENT_LOG_MEL = float(np.log(1e-6))


class ClipSize(NamedTuple):
    """Sizes of a clip: frames, sound samples, mel bins and hops."""

    num_frames: int
    num_samples: int
    num_bins: int
    num_hops: int


@runtime_checkable
class TwoStreamNetwork(Protocol):
    """Two encoders that run once per window, and what joins them: the logits are the mean of the activation map, plus the bias."""

    def encode_audio(self, sound: Tensor, /) -> Tensor:
        """Return features of sounds."""
        ...

    def encode_video(self, video: Tensor, /) -> Tensor:
        """Return features of frames in [-1, 1], (batch, 3, frames, height, width)."""
        ...

    def fuse(self, audio_features: Tensor, video_features: Tensor, /) -> Tensor:
        """Return what both say together, cell by cell."""
        ...

    def logits(self, features: Tensor, /) -> Tensor:
        """Return (batch,) logits of what `fuse` gave."""
        ...

    def activation_map(self, features: Tensor, /) -> Tensor:
        """Return signed maps (batch, cells, rows, columns) of what `fuse` gave."""
        ...

    @property
    def bias(self) -> float:
        """What the mean of an activation map lacks to be the logit."""
        ...

    def cell_centers(self) -> CellCenters:
        """Return where on the clip the cells of a map lie."""
        ...


class Synchronization(nn.Module):
    """Says of clips whether sound and picture are in sync, and where the sound comes from.

    `calibration` is the identity in training; a model that was trained has its own, in every logit, map and bias that it gives.

    Args:
        network: encoders and what joins them, a module.
        sound_column: what the network hears, `waveform` or `log_mel`.
        crop_size: height and width that the network sees: at random to train, from the middle to test.
        flip: whether half of the clips are mirrored to train.
        clip: sizes of a clip.
        seed: seed of crops, flips and what is done to sounds.
        loss: of the logits of all pairings and their targets.
        encode_disturbed: features of sounds and pictures to train on, disturbed by draws of the generator.
    """

    def __init__(
        self,
        network: TwoStreamNetwork,
        *,
        sound_column: str,
        crop_size: int,
        flip: bool,
        clip: ClipSize,
        seed: int,
        loss: Callable[[Tensor, Tensor], Tensor] = synchronization_loss,
        encode_disturbed: Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.loss, self.encode_disturbed = loss, encode_disturbed
        self.sound_column, self.crop_size, self.flip, self.clip = sound_column, crop_size, flip, clip
        self.generator = torch.Generator().manual_seed(seed)
        self.calibration = Calibration()

    def forward(self, batches: Mapping[str, Mapping[str, Any]]) -> dict[str, Tensor]:
        """Return loss and accuracy of all four pairings of every pair, the mean over streams."""
        found = [self._learn(batch) for batch in batches.values()]
        return {name: torch.stack([each[name] for each in found]).mean() for name in found[0]}

    def _learn(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        video = augment(
            self._tensor(batch["frames"]),
            size=self.crop_size,
            generator=self.generator,
            flip=self.flip,
        )
        sound = self._tensor(batch[self.sound_column])
        if self.encode_disturbed is None:
            examples = pairings(self.network.encode_audio(sound), self.network.encode_video(video))
        else:
            examples = pairings(*self.encode_disturbed(sound, video, self.generator))
        logits = self.judge(examples.audio_features, examples.video_features)
        right = (logits > 0) == (examples.targets > 0)
        return {
            "loss": self.loss(logits.float(), examples.targets),
            "sync_accuracy": right.float().mean(),
        }

    def encode_sound(self, batch: Mapping[str, Any]) -> Tensor:
        """Return sound features (clips, channels, cells)."""
        return self.network.encode_audio(self._tensor(batch[self.sound_column]))

    def encode_picture(self, batch: Mapping[str, Any]) -> Tensor:
        """Return picture features (clips, channels, cells, rows, columns) of the middle of the frames."""
        frames = center_crop(self._tensor(batch["frames"]), size=self.crop_size)
        return self.network.encode_video(scale_frames(frames))

    def encode_silence(self) -> Tensor:
        """Return sound features of one silent clip."""
        if self.sound_column == "waveform":
            return self.network.encode_audio(self._tensor(np.zeros((1, 1, self.clip.num_samples), np.float32)))
        shape = (1, self.clip.num_bins, self.clip.num_hops)
        return self.network.encode_audio(self._tensor(np.full(shape, SILENT_LOG_MEL, np.float32)))

    def encode_gray(self) -> Tensor:
        """Return picture features of one gray clip."""
        size = self.crop_size
        frames = np.full((1, self.clip.num_frames, size, size, 3), 128, np.uint8)
        return self.encode_picture({"frames": frames})

    def judge(self, sound: Tensor, picture: Tensor) -> Tensor:
        """Return the calibrated logits of sound and picture features: above zero, in sync is the likelier."""
        return self._logits(self.network.fuse(sound, picture))

    def maps(self, sound: Tensor, picture: Tensor) -> Tensor:
        """Return the signed maps (clips, cells, rows, columns) of sound and picture features: their mean, plus the bias, is the logit."""
        return self._maps(self.network.fuse(sound, picture))

    @property
    def bias(self) -> float:
        """What the mean of a map lacks to be the logit."""
        return self.calibration.apply(self.network.bias)

    def cell_centers(self) -> CellCenters:
        """Return where on the clip the cells of a map lie."""
        return self.network.cell_centers()

    def view_share(self, size: int) -> float:
        """Return the share of the side of a stored frame of `size` pixels that the network sees, in its middle."""
        return self.crop_size / size

    def predict(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return logits, probabilities of being in sync, and maps of the clips' sounds with their own pictures."""
        features = self.network.fuse(self.encode_sound(batch), self.encode_picture(batch))
        logits = self._logits(features)
        return {"logits": logits, "probabilities": logits.float().sigmoid(), "maps": self._maps(features)}

    def _logits(self, features: Tensor) -> Tensor:
        return self.calibration.apply(self.network.logits(features))

    def _maps(self, features: Tensor) -> Tensor:
        return self.network.activation_map(features) * self.calibration.scale

    def _tensor(self, values: np.ndarray | Tensor) -> Tensor:
        device = next(self.parameters()).device
        return torch.as_tensor(values).to(device, non_blocking=True)
