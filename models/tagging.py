"""Audio tagging as a whole: a sound encoder, pooling over time, a head; augmentation, loss, and what it can be asked."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class Tagger(nn.Module):
    """Says what sounds in a clip.

    Args:
        encoder: sound (batch, ...) -> features (batch, num_features, cells).
        num_features: channels of the features.
        column: what the encoder reads, `waveform` or `log_mel`.
        gain: factor on the sound before the encoder.
        classes: labels, in the order of the logits.
        dropout: share of the pooled features that are dropped to train.
        mix: parameter of the Beta distribution by which clips are mixed to train; 0 for none.
        masked_share: longest share of the bins, and of the hops, that is masked to train; log-mel only.
        seed: seed of the augmentation.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        num_features: int,
        column: str,
        gain: float,
        classes: Sequence[str],
        dropout: float,
        mix: float,
        masked_share: float,
        seed: int,
    ) -> None:
        super().__init__()
        self.encoder, self.column, self.gain = encoder, column, gain
        self.classes = tuple(classes)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * num_features, len(self.classes))
        self.mix, self.masked_share = mix, masked_share
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, batches: Mapping[str, Mapping[str, Any]]) -> dict[str, Tensor]:
        """Return the cross-entropy of rolled, masked and mixed clips, and the accuracy on the louder part of each mixture.

        References:
            Zhang et al., mixup (2018, arXiv:1710.09412); Park et al., SpecAugment (2019, arXiv:1904.08779), one mask an axis.
        """
        (batch,) = batches.values()
        targets = self._targets(batch["label"])
        sound = self._mask(self._roll(self._sound(batch)))
        share = self._share()
        order = torch.randperm(len(sound), generator=self.generator).to(sound.device)
        logits = self._logits(share * sound + (1 - share) * sound[order])
        losses = (functional.cross_entropy(logits, wanted) for wanted in (targets, targets[order]))
        own, other = losses
        right = logits.argmax(dim=1) == targets
        return {"loss": share * own + (1 - share) * other, "accuracy": right.float().mean()}

    def embed_audio(self, batch: Mapping[str, Any]) -> Float[Tensor, "batch features"]:
        """Return embeddings, L2-normalized: mean and maximum of the features over time."""
        return functional.normalize(self._pooled(self._sound(batch)))

    def classify(self, batch: Mapping[str, Any]) -> Float[Tensor, "batch classes"]:
        """Return logits, in the order of `classes`."""
        return self._logits(self._sound(batch))

    def predict(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the probabilities of all classes."""
        return {"probabilities": self.classify(batch).float().softmax(dim=1)}

    def _logits(self, sound: Tensor) -> Tensor:
        return self.head(self.dropout(self._pooled(sound)))

    def _pooled(self, sound: Tensor) -> Tensor:
        features = self.encoder(sound)
        return torch.cat([features.mean(dim=2), features.amax(dim=2)], dim=1)

    def _sound(self, batch: Mapping[str, Any]) -> Tensor:
        values = torch.as_tensor(batch[self.column]).to(self.head.weight.device, non_blocking=True)
        return self.gain * values if self.gain != 1 else values

    def _targets(self, labels: Sequence[str]) -> Tensor:
        numbers = [self.classes.index(label) for label in labels]
        return torch.tensor(numbers, device=self.head.weight.device)

    def _share(self) -> float:
        """Return how much of a mixture is the clip itself, at least a half."""
        if not self.mix:
            return 1.0
        share = float(torch.distributions.Beta(self.mix, self.mix).sample())
        return max(share, 1 - share)

    def _roll(self, sound: Tensor) -> Tensor:
        """Return clips rolled in a circle by up to their length, each by its own shift: what sounds does not depend on when."""
        length = sound.shape[-1]
        shifts = torch.randint(length, (len(sound),), generator=self.generator).tolist()
        return torch.stack([torch.roll(clip, shift, dims=-1) for clip, shift in zip(sound, shifts, strict=True)])

    def _mask(self, sound: Tensor) -> Tensor:
        """Return spectrograms with a band of bins and a stretch of hops at the clip's mean."""
        if self.column != "log_mel" or not self.masked_share:
            return sound
        masked = sound.clone()
        means = sound.mean(dim=(1, 2))
        for axis in (1, 2):
            length = sound.shape[axis]
            longest = max(1, int(self.masked_share * length))
            widths = torch.randint(longest, (len(sound),), generator=self.generator).tolist()
            for clip, width in enumerate(widths):
                first = int(torch.randint(length - width, (1,), generator=self.generator))
                masked[clip].narrow(axis - 1, first, width).fill_(float(means[clip]))
        return masked
