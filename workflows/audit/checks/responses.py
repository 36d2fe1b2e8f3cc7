"""What a trained model answers to held-out windows: with their own sound and picture, foreign ones, none, noise, and delayed ones."""

import dataclasses
from typing import Any

import numpy as np
import torch

from datasets.clips.spectrogram import log_mel
from datasets.config import PreparationConfig
from datasets.reading.reader import decode_table, to_arrays
from infra.seeding import generator
from workflows.audit.checks.windows import Examples, pair_examples, partners, read_tables
from workflows.trained.model import Model

DELAYS_MS = (0, 40, 80, 160, 320, 640)
_BATCH = 16
_NOISE_LEVEL = 0.1


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Responses:
    """Answers, example by example of the dataset's own labels, and window by window, each window with its own sound.

    Logits are (examples,), maps (windows, cells, rows, columns) with the bias added, so that their mean is the logit.
    """

    examples: Examples
    shifts: np.ndarray
    """Seconds between sound and picture of every example; nan where unknown."""
    example_recordings: np.ndarray
    logits: np.ndarray
    foreign_picture: np.ndarray
    foreign_sound: np.ndarray
    grey_picture: np.ndarray
    silent_sound: np.ndarray
    recordings: np.ndarray
    off_screen: np.ndarray
    """Whether what sounds is out of sight, by window; False where nobody knows."""
    maps: np.ndarray
    foreign_maps: np.ndarray
    silent_maps: np.ndarray
    noise_maps: np.ndarray
    delayed: np.ndarray
    """(delays, windows): logits with the window's own sound, late by `DELAYS_MS`."""


def respond(model: Model, dataset: str, config: PreparationConfig, *, max_rows: int) -> Responses | None:
    """Return a model's responses to the test split's windows, at most about `max_rows`; None where there are fewer than two recordings."""
    module, columns = model.module, ("frames", model.module.sound_column)
    texts: dict[str, list] = {name: [] for name in ("recording_id", "boxes", "pair_id", "in_sync", "shift_seconds")}
    sounds, pictures = [], []
    for table in read_tables(dataset, max_rows=max_rows, columns=(*columns, *texts), splits=("test",)):
        arrays = to_arrays(decode_table(table, config=config), config=config)
        sounds.append(arrays[columns[1]])
        pictures += [module.encode_picture({"frames": frames}) for frames in _batches(arrays["frames"])]
        for name in texts:
            texts[name] += arrays[name]
    recordings = np.asarray(texts["recording_id"])
    if len(set(texts["recording_id"])) < 2:
        return None
    asked = _Asked(module, np.concatenate(sounds), torch.cat(pictures))
    partner = partners(texts["pair_id"])
    examples = pair_examples(partner, np.asarray(texts["in_sync"], bool))
    foreign = _foreign(recordings)
    rows = np.arange(len(recordings))
    shift = np.asarray([np.nan if value is None else value for value in texts["shift_seconds"]], float)
    own_sound, silence = asked.hear(asked.sounds), module.encode_silence()
    noise = asked.hear(_noise(len(rows), model, config))
    grey = module.encode_gray()
    return Responses(
        examples=examples,
        shifts=np.where(examples.target == 1, 0.0, np.abs(shift[examples.picture])),
        example_recordings=recordings[examples.picture],
        logits=asked.logits(own_sound[examples.sound], asked.pictures, examples.picture),
        foreign_picture=asked.logits(own_sound[examples.sound], asked.pictures, foreign[examples.picture]),
        foreign_sound=asked.logits(own_sound[foreign[examples.sound]], asked.pictures, examples.picture),
        grey_picture=asked.logits(own_sound[examples.sound], grey, np.zeros(len(examples.picture), int)),
        silent_sound=asked.logits(silence.expand(len(examples.picture), -1, -1), asked.pictures, examples.picture),
        recordings=recordings,
        off_screen=np.asarray([boxes is not None and not boxes for boxes in texts["boxes"]]),
        maps=asked.maps(own_sound),
        foreign_maps=asked.maps(own_sound[foreign]),
        silent_maps=asked.maps(silence.expand(len(rows), -1, -1)),
        noise_maps=asked.maps(noise),
        delayed=np.stack(
            [asked.logits(asked.hear(asked.late(delay, config)), asked.pictures, rows) for delay in DELAYS_MS]
        ),
    )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A model, and the sounds and picture features of the windows it is asked about."""

    module: Any
    sounds: np.ndarray
    pictures: torch.Tensor

    def hear(self, sounds: np.ndarray) -> torch.Tensor:
        column = self.module.sound_column
        return torch.cat([self.module.encode_sound({column: part}) for part in _batches(sounds)])

    def late(self, delay_ms: int, config: PreparationConfig) -> np.ndarray:
        """Return all sounds late by a delay, their first value held."""
        per_second = config.sample_rate if self.module.sound_column == "waveform" else 1000 / config.log_mel.hop_ms
        begin = round(delay_ms / 1000 * per_second)
        return self.sounds[..., np.maximum(np.arange(self.sounds.shape[-1]) - begin, 0)]

    def logits(self, sound: torch.Tensor, pictures: torch.Tensor, rows: np.ndarray) -> np.ndarray:
        parts = zip(_batches(sound), _batches(rows), strict=True)
        return np.concatenate([self.module.judge(heard, pictures[seen]).float().cpu().numpy() for heard, seen in parts])

    def maps(self, sound: torch.Tensor) -> np.ndarray:
        """Return the maps of all windows with these sounds."""
        bias = float(self.module.network.head.bias.item())
        parts = zip(_batches(sound), _batches(self.pictures), strict=True)
        return np.concatenate([self.module.maps(heard, seen).float().cpu().numpy() + bias for heard, seen in parts])


def _batches(values):
    return [values[begin : begin + _BATCH] for begin in range(0, len(values), _BATCH)]


def _foreign(recordings: np.ndarray) -> np.ndarray:
    """Return for every window one of another recording, no window more often than the largest recording has windows."""
    order = np.argsort(recordings, kind="stable")
    largest = int(np.unique(recordings, return_counts=True)[1].max())
    chosen = np.empty(len(order), int)
    chosen[order] = np.roll(order, largest)
    same = recordings[chosen] == recordings
    if same.any():
        others = [np.flatnonzero(recordings != recordings[row]) for row in np.flatnonzero(same)]
        chosen[same] = [rows[number % len(rows)] for number, rows in enumerate(others)]
    return chosen


def _noise(count: int, model: Model, config: PreparationConfig) -> np.ndarray:
    """Return white noise as the model hears it."""
    chance = generator("noise")
    waveforms = _NOISE_LEVEL * chance.standard_normal((count, config.num_samples)).astype(np.float32)
    if model.module.sound_column == "waveform":
        return waveforms[:, None]
    return np.stack([log_mel(row, sample_rate=config.sample_rate, config=config.log_mel) for row in waveforms])
