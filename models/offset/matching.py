"""Offset by matching: which part of a clip's sound belongs to a part of its picture, or none of them.

The classes are those of `OffsetGrid`. One network that says whether sound and picture are in sync is asked about every class; over classes
its logits are a softmax with one answer more, of logit zero, for "none": not decidable. It is trained on pictures from all places of a
clip, a quarter of them with the sound of another video, of which "none" is true. So no labels are needed, and the logits stay those of
being in sync, with maps.

References:
    Iashin et al., Sparse in Space and Time (2022, arXiv:2210.07055), for offset classes and accuracy at plus or minus one class.
    Chung et al., Perfect Match (2019, arXiv:1809.08001), for the softmax over sounds of one video. Differs in the answer "none".
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from models.blocks.cells import CellCenters
from models.frontends.augmentation import augment
from models.offset.clips import ClipCurves
from models.offset.grid import OffsetGrid
from models.synchronization import ClipSize, Synchronization, TwoStreamNetwork

_FOREIGN_SHARE = 0.25
_BLUR_SECONDS = 0.012
_NONE = -30.0
"""Logit of every class where none can be right."""


class OffsetMatching(Synchronization):
    """A two-stream network for pictures of `grid.picture_frames`, which says by how much the sound is late.

    What `Synchronization` can be asked, of whole clips, is answered of their middle.

    Args:
        network: As of `Synchronization`, for clips as long as the picture.
        grid: Offset classes.
        whole: Sizes of a clip as it is stored.
        hop_seconds: From one hop of the spectrogram to the next.
        window_seconds: What a hop covers.
        num_candidates: Classes that compete in a step of training, the true one among them.
        settings: As of `Synchronization`, without the clip's sizes.
    """

    def __init__(
        self,
        network: TwoStreamNetwork,
        *,
        grid: OffsetGrid,
        whole: ClipSize,
        hop_seconds: float,
        window_seconds: float,
        num_candidates: int,
        **settings: Any,
    ) -> None:
        seconds, clip_seconds = grid.picture_frames / grid.frame_rate, grid.num_frames / grid.frame_rate
        sample_rate = whole.num_samples / clip_seconds
        part = ClipSize(
            num_frames=grid.picture_frames,
            num_samples=round(seconds * sample_rate),
            num_bins=whole.num_bins,
            num_hops=max(1, int((seconds - window_seconds) / hop_seconds + 1e-6) + 1),
        )
        super().__init__(network, clip=part, **settings)
        self.grid, self.num_candidates = grid, min(num_candidates, grid.num_classes)
        hears_waveform = self.sound_column == "waveform"
        self._part_length = part.num_samples if hears_waveform else part.num_hops
        self._per_second = sample_rate if hears_waveform else 1 / hop_seconds

    def _learn(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        video = augment(self._tensor(batch["frames"]), size=self.crop_size, generator=self.generator, flip=self.flip)
        sound = self._tensor(batch[self.sound_column])
        truth, offered, foreign = self._draw(len(video))
        sound = torch.where(foreign.to(sound.device)[:, None, None], sound.roll(2, dims=0), sound)
        parts = torch.stack([self._picture_part(clip, number) for clip, number in zip(video, truth, strict=True)])
        logits = self._match(sound, self.network.encode_video(parts), offered).float()
        none = logits.new_zeros(len(logits), 1)
        # The true class is the first that is offered, and comes after "none".
        targets = torch.where(foreign, 0, 1).to(logits.device)
        answers = offered.gather(1, logits.argmax(dim=1, keepdim=True).cpu())[:, 0]
        near = (answers - torch.as_tensor(truth)).abs() <= 1
        return {
            "loss": functional.cross_entropy(torch.cat([none, logits], dim=1), targets),
            "near_offset_accuracy": near[~foreign].float().mean()
            if (~foreign).any()
            else near.new_zeros((), dtype=torch.float32),
        }

    def offset_curves(self, pictures: np.ndarray, sounds: Sequence[np.ndarray], *, grid: OffsetGrid) -> ClipCurves:
        """Return the calibrated logits of every class of whole sounds, for pictures that are shown as if from the clip's middle."""
        frames = self._tensor(pictures)
        picture = self.encode_picture({"frames": frames})
        found = [self._tell(self._tensor(sound), frames, picture).cpu().numpy() for sound in sounds]
        return ClipCurves(grid.seconds, np.asarray(found, float), 1.0, 1.0, _BLUR_SECONDS)

    def _tell(self, sound: Tensor, frames: Tensor, picture: Tensor) -> Float[Tensor, "clips classes"]:
        """Return the calibrated logits of every class; those of none where the sound or the picture never changes."""
        logits = self._match(sound, picture, torch.arange(self.grid.num_classes).expand(len(sound), -1)).float()
        changes = _changes(sound.movedim(-1, 1)) & _changes(frames)
        return logits.masked_fill(~changes[:, None], _NONE)

    def encode_sound(self, batch: Mapping[str, Any]) -> Tensor:
        """Return sound features of the middle of clips."""
        sound = self._tensor(batch[self.sound_column])
        return self.network.encode_audio(torch.stack([self._sound_part(clip, self.grid.reach) for clip in sound]))

    def encode_picture(self, batch: Mapping[str, Any]) -> Tensor:
        """Return picture features of the middle of clips; what is as short as a part is taken whole."""
        frames, length = batch["frames"], self.grid.picture_frames
        begin = (frames.shape[1] - length) // 2
        return super().encode_picture({"frames": frames[:, begin : begin + length]})

    def cell_centers(self) -> CellCenters:
        """Return where on the clip the cells of a map lie."""
        centers = super().cell_centers()
        share = self.grid.picture_frames / self.grid.num_frames
        return centers._replace(times=tuple((1 - share) / 2 + share * time for time in centers.times))

    def predict(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return what `Synchronization` does of the middle of clips, and by how much their sounds are late."""
        return super().predict(batch) | self.tell_offsets(batch)

    def tell_offsets(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return by how much the sounds of clips are late.

        `offset_probabilities` (clips, classes) are those of the classes if one is right, `offset_seconds` the likeliest, above zero where
        the sound is late, and `decidable` the calibrated probability that it is right to a class.
        """
        frames = self._tensor(batch["frames"])
        logits = self._tell(self._tensor(batch[self.sound_column]), frames, self.encode_picture({"frames": frames}))
        seconds = torch.as_tensor(self.grid.seconds, dtype=torch.float32, device=logits.device)
        return {
            "offset_seconds": seconds[logits.argmax(dim=1)],
            "offset_probabilities": logits.softmax(dim=1),
            "decidable": logits.amax(dim=1).sigmoid(),
        }

    def _draw(self, num_clips: int) -> tuple[list[int], Tensor, Tensor]:
        """Return where each picture begins, the classes (clips, candidates) that are offered, the true one first, and who hears another video."""
        count, device = self.grid.num_classes, self.generator.device
        truth = torch.randint(count, (num_clips,), generator=self.generator, device=device)
        order = torch.rand(num_clips, count, generator=self.generator, device=device)
        order[torch.arange(num_clips), truth] = -1.0
        offered = order.argsort(dim=1)[:, : self.num_candidates]
        foreign = torch.rand(num_clips, generator=self.generator, device=device) < _FOREIGN_SHARE
        # The two windows of a pair are of one video: with one pair nobody hears another.
        return truth.tolist(), offered, foreign & (num_clips > 2)

    def _match(self, sound: Tensor, picture: Tensor, offered: Tensor) -> Tensor:
        """Return logits (clips, candidates) of the parts of each sound that are offered."""
        parts = [
            self._sound_part(clip, number)
            for clip, numbers in zip(sound, offered.tolist(), strict=True)
            for number in numbers
        ]
        heard = self.network.encode_audio(torch.stack(parts))
        return self.judge(heard, picture.repeat_interleave(offered.shape[1], dim=0)).view(offered.shape)

    def _picture_part(self, video: Tensor, number: int) -> Tensor:
        first = self.grid.first_frame(number)
        return video[:, first : first + self.grid.picture_frames]

    def _sound_part(self, sound: Tensor, number: int) -> Tensor:
        begin = round(self.grid.first_frame(number) / self.grid.frame_rate * self._per_second)
        begin = min(begin, sound.shape[-1] - self._part_length)
        return sound[:, begin : begin + self._part_length]


def _changes(values: Tensor) -> Tensor:
    """Whether (clips,) what is along the second axis changes over it."""
    return (values != values[:, :1]).flatten(1).any(dim=1)
