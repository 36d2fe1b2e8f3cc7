"""Pictures, sounds and texts in one space: a tower for each, layers that all share, and what a picture teaches the other two."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from models.encoders.picture import PictureEncoder
from models.encoders.spectrogram import SpectrogramEncoder
from models.encoders.words import WordVectors
from models.losses.alignment import info_nce, ranking_loss, transfer_loss

Modality = Literal["image", "text", "sound"]
Ranking = Literal["sum", "max", "nce"]
_TEXT_ROLE = "caption"
_NCE_SCALE = 20.0


class SeeHearRead(nn.Module):
    """One space for three modalities, of which a training row pairs a picture with either a text or a sound.

    Args:
        picture: Encoder of pictures; where it is frozen, what it says of a clip is computed once and kept.
        words: Word vectors.
        num_bins: Mel bins of the sounds; None where there are none.
        channels: Width of the sound encoder's first convolution; the text encoder's is 32 times that.
        phrase: Words that a feature of the text encoder sees at a time.
        width: Length of an embedding.
        num_shared: Layers that all modalities share.
        dropout: Share of the features that are dropped to train.
        transfer: Weight of the teacher's distribution over its classes, which every modality learns to tell; 0 for none.
        ranking: Which ranking loss pairs are brought together by.
        ranking_weight: Its weight; 0 for none.
        margin: Margin of a hinge.
        seed: Seed of which caption a picture is given.
    """

    ranking: Ranking

    def __init__(
        self,
        *,
        picture: PictureEncoder,
        words: WordVectors,
        num_bins: int | None,
        channels: int,
        phrase: int,
        width: int,
        num_shared: int,
        dropout: float,
        transfer: float,
        ranking: Ranking,
        ranking_weight: float,
        margin: float,
        seed: int,
    ) -> None:
        super().__init__()
        self.picture, self.words = picture, words
        self.transfer, self.ranking, self.ranking_weight, self.margin = transfer, ranking, ranking_weight, margin
        self.reads: dict[Modality, tuple[str, ...]] = {"image": ("image", "frames"), "text": ("texts",)}
        """What it embeds, each with the columns that it is read from, the first that clips hold."""
        self.phrases = nn.Conv1d(words.dim, 32 * channels, phrase, padding=phrase // 2)
        inner = (nn.Dropout(dropout), nn.Linear(32 * channels, 32 * channels), nn.ReLU())
        sizes = {"image": picture.num_features, "text": 32 * channels}
        if num_bins is not None:
            self.spectrogram = SpectrogramEncoder(num_bins=num_bins, channels=channels)
            self.reads["sound"] = ("log_mel",)
            sizes["sound"] = 2 * self.spectrogram.num_features
        begins = {"image": (nn.BatchNorm1d(picture.num_features, affine=False),), "text": inner}
        self.towers = nn.ModuleDict(
            {
                name: nn.Sequential(*begins.get(name, ()), nn.Dropout(dropout), nn.Linear(size, width))
                for name, size in sizes.items()
            }
        )
        shared = (nn.Sequential(nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width)) for _ in range(num_shared))
        self.shared = nn.Sequential(*shared)
        num_classes = picture.network.num_classes
        self.classifier = nn.Sequential(nn.ReLU(), nn.Linear(width, num_classes)) if transfer else None
        self.embedding_dim = width
        self.generator = torch.Generator().manual_seed(seed)
        self._kept: dict[str, Tensor] = {}

    def forward(self, batches: Mapping[str, Mapping[str, Any]]) -> dict[str, Tensor]:
        """Return the losses of pictures with texts and of pictures with sounds, added, and how often a picture finds its own."""
        losses, found = [], []
        for batch in batches.values():
            other: Modality = "text" if "texts" in batch else "sound"
            seen = self._picture_features(batch)
            features = {"image": seen, other: self._text(batch) if other == "text" else self._sound(batch)}
            hidden = {name: self._hidden(name, values) for name, values in features.items()}
            first, second = (functional.normalize(values, dim=1) for values in hidden.values())
            losses.append(self.ranking_weight * self._rank(first, second))
            if self.classifier is not None:
                teacher = self.picture.classify(seen)
                losses += [self.transfer * transfer_loss(teacher, self.classifier(each)) for each in hidden.values()]
            found.append(((first @ second.T).argmax(dim=1).cpu() == torch.arange(len(first))).float().mean())
        return {"loss": torch.stack(losses).sum(), "found": torch.stack(found).mean()}

    def embed(self, modality: Modality, batch: Mapping[str, Any]) -> Float[Tensor, "batch dim"]:
        """Return L2-normalized embeddings of a batch's pictures or sounds."""
        features = self._picture_features(batch) if modality == "image" else self._sound(batch)
        return functional.normalize(self._hidden(modality, features).float(), dim=1)

    def embed_pictures(self, pictures: UInt8[np.ndarray, "batch height width 3"]) -> Float[Tensor, "batch dim"]:
        """Return L2-normalized embeddings of pictures of any size."""
        features = self.picture(torch.as_tensor(pictures).to(self.phrases.weight.device))
        return functional.normalize(self._hidden("image", features).float(), dim=1)

    def embed_text(self, texts: Sequence[str]) -> Float[Tensor, "batch dim"]:
        """Return L2-normalized embeddings of texts."""
        return functional.normalize(self._hidden("text", self._phrases(texts)).float(), dim=1)

    def embed_captions(self, batch: Mapping[str, Any], *, most: int) -> tuple[list[int], Float[Tensor, "captions dim"]]:
        """Return how many captions each row has, at most so many, and the embeddings of all, row after row."""
        captions = [captions_of(texts)[:most] for texts in batch["texts"]]
        return [len(each) for each in captions], self.embed_text([text for each in captions for text in each])

    def predict(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the embeddings of pictures."""
        return {"image_embedding": self.embed("image", batch)}

    def _rank(self, first: Tensor, second: Tensor) -> Tensor:
        if self.ranking == "nce":
            return info_nce(first, second, first.new_tensor(_NCE_SCALE))
        return ranking_loss(first, second, margin=self.margin, reduction=self.ranking)

    def _hidden(self, modality: str, features: Tensor) -> Tensor:
        return self.shared(self.towers[modality](features))

    def _picture_features(self, batch: Mapping[str, Any]) -> Tensor:
        """Return what the picture encoder says; of a frozen one, from what was kept where every clip was seen before."""
        names = batch.get("clip_id", ()) if self.picture.frozen and self.training else ()
        device = self.phrases.weight.device
        if names and all(name in self._kept for name in names):
            return torch.stack([self._kept[name] for name in names]).to(device).float()
        frames = batch.get("frames")
        pictures = batch["image"] if frames is None else frames[:, frames.shape[1] // 2]
        features = self.picture(torch.as_tensor(pictures).to(device))
        self._kept |= zip(names, features.detach().half().cpu(), strict=False)
        return features

    def _text(self, batch: Mapping[str, Any]) -> Tensor:
        return self._phrases([self._one_of(captions_of(texts)) for texts in batch["texts"]])

    def _phrases(self, texts: Sequence[str]) -> Tensor:
        """Return the maximum over a text of what is found at each of its known words; zeros where it has none."""
        vectors, known = self.words(texts)
        found = functional.relu(self.phrases(vectors.movedim(1, 2)))
        return (found * known[:, None]).amax(dim=2)

    def _sound(self, batch: Mapping[str, Any]) -> Tensor:
        features = self.spectrogram(torch.as_tensor(batch["log_mel"]).to(self.phrases.weight.device))
        return torch.cat([features.mean(dim=2), features.amax(dim=2)], dim=1)

    def _one_of(self, captions: Sequence[str]) -> str:
        return captions[int(torch.randint(len(captions), (), generator=self.generator))]


def captions_of(texts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the captions among a row's texts."""
    return [text["text"] for text in texts if text["role"] == _TEXT_ROLE]
