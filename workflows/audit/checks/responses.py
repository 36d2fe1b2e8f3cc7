"""A trained model's answers to held-out windows: with their own sound and picture, foreign ones, none, noise, and delayed ones.

Pictures and maps are as large as the dataset, so they pass by in batches, and of each map only the numbers stay that the checks read.
Sound features stay for all windows: every picture also meets the sound of another recording.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.clips.spectrogram import log_mel
from datasets.config import PreparationConfig
from datasets.reading.reader import decode_table, to_arrays
from infra.seeding import generator
from workflows.audit.checks.map_numbers import MapNumbers, join_numbers, map_correlation, map_numbers, positive_evidence
from workflows.audit.checks.windows import Examples, pair_examples, partners, read_tables
from workflows.trained.model import Model

DELAYS_MS = (0, 40, 80, 160, 320, 640)
_BATCH = 16
_NOISE_LEVEL = 0.1
_TEXTS = ("recording_id", "boxes", "pair_id", "in_sync", "shift_seconds")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Responses:
    """Answers, example by example of the dataset's own labels, and window by window, each window with its own sound.

    Logits are (examples,); numbers of maps are (windows,), of maps with the bias added, so that a map's mean is the logit.
    """

    examples: Examples
    shifts: np.ndarray
    """Seconds between sound and picture of every example; nan where unknown."""
    example_recordings: np.ndarray
    logits: np.ndarray
    foreign_picture: np.ndarray
    foreign_sound: np.ndarray
    gray_picture: np.ndarray
    silent_sound: np.ndarray
    recordings: np.ndarray
    off_screen: np.ndarray
    """Whether what sounds is out of sight, by window; False where nobody knows."""
    maps: MapNumbers
    """Of the maps with the windows' own sound."""
    foreign_correlation: np.ndarray
    """Correlation over the picture of a window's map with that under a foreign sound."""
    silent_evidence: np.ndarray
    """Mean positive evidence under silence."""
    noise_evidence: np.ndarray
    """Mean positive evidence under white noise."""
    delayed: np.ndarray
    """(delays, windows): logits with the window's own sound, late by `DELAYS_MS`."""


def respond(model: Model, dataset: str, config: PreparationConfig, *, max_rows: int) -> Responses | None:
    """Return a model's responses to the test split's windows, at most about `max_rows`; None where there are fewer than two recordings."""
    module, column = model.module, model.module.sound_column
    texts: dict[str, list] = {name: [] for name in _TEXTS}
    heard: list[Tensor] = []
    for arrays in _read(dataset, config, (column, *_TEXTS), max_rows):
        heard += [module.encode_sound({column: part}) for part in _batches(arrays[column])]
        for name in texts:
            texts[name] += list(arrays[name])
    recordings = np.asarray(texts["recording_id"])
    if len(set(texts["recording_id"])) < 2:
        return None
    examples = pair_examples(partners(texts["pair_id"]), np.asarray(texts["in_sync"], bool))
    asked = _Asked(module, config, torch.cat(heard), examples, _foreign(recordings))
    begin = 0
    for arrays in _read(dataset, config, ("frames", column), max_rows):
        for frames, sounds in zip(_batches(arrays["frames"]), _batches(arrays[column]), strict=True):
            asked.ask(begin, frames, sounds)
            begin += len(frames)
    shift = np.asarray([np.nan if value is None else value for value in texts["shift_seconds"]], float)
    return Responses(
        examples=examples,
        shifts=np.where(examples.target == 1, 0.0, np.abs(shift[examples.picture])),
        example_recordings=recordings[examples.picture],
        gray_picture=asked.judge_gray(),
        recordings=recordings,
        off_screen=np.asarray([boxes is not None and not boxes for boxes in texts["boxes"]]),
        **asked.answers(),
    )


class _Asked:
    """Asks a model about windows, batch by batch in their order, and keeps its answers."""

    def __init__(
        self, module: Any, config: PreparationConfig, sounds: Tensor, examples: Examples, foreign: np.ndarray
    ) -> None:
        self._module, self._config = module, config
        self._sounds, self._examples, self._foreign = sounds, examples, foreign
        self._silence = module.encode_silence()
        self._chance = generator("noise")
        by_example = ("logits", "foreign_picture", "foreign_sound")
        self._logits = {name: np.zeros(len(examples.target), np.float32) for name in by_example}
        self._numbers: list[MapNumbers] = []
        by_window = ("foreign_correlation", "silent_evidence", "noise_evidence", "silent_sound", "delayed")
        self._by_window: dict[str, list[np.ndarray]] = {name: [] for name in by_window}

    def ask(self, begin: int, frames: np.ndarray, sounds: np.ndarray) -> None:
        """Ask about the windows from `begin` on."""
        module = self._module
        picture = module.encode_picture({"frames": frames})
        self._judge_examples(begin, picture)
        rows = np.arange(begin, begin + len(frames))
        silence = self._silence.expand(len(frames), *self._silence.shape[1:])
        own = self._maps(self._sounds[rows], picture)
        self._numbers.append(map_numbers(own))
        found = {
            "foreign_correlation": map_correlation(own, self._maps(self._sounds[self._foreign[rows]], picture)),
            "silent_evidence": positive_evidence(self._maps(silence, picture)),
            "noise_evidence": positive_evidence(self._maps(self._hear(self._noise(len(frames))), picture)),
            "silent_sound": self._judge(silence, picture),
            "delayed": np.stack([self._judge(self._hear(self._late(sounds, ms)), picture) for ms in DELAYS_MS]),
        }
        for name, values in found.items():
            self._by_window[name].append(values)

    def judge_gray(self) -> np.ndarray:
        """Return the logits of all examples' sounds with a gray picture."""
        gray = self._module.encode_gray()
        sounds = self._examples.sound
        return self._judge(self._sounds[sounds], gray.expand(len(sounds), *gray.shape[1:]))

    def answers(self) -> dict[str, Any]:
        """Return the answers by the names of `Responses`."""
        found = {name: np.concatenate(parts, axis=-1) for name, parts in self._by_window.items()}
        found["silent_sound"] = found["silent_sound"][self._examples.picture]
        return {**self._logits, **found, "maps": join_numbers(self._numbers)}

    def _judge_examples(self, begin: int, picture: Tensor) -> None:
        """Judge the examples that show one of these pictures, with their own sound, a foreign one, and as another's foreign picture."""
        seen, heard = self._examples.picture, self._examples.sound
        for name, pictures, sounds in (
            ("logits", seen, heard),
            ("foreign_sound", seen, self._foreign[heard]),
            ("foreign_picture", self._foreign[seen], heard),
        ):
            mine = np.flatnonzero((pictures >= begin) & (pictures < begin + len(picture)))
            if len(mine):
                self._logits[name][mine] = self._judge(self._sounds[sounds[mine]], picture[pictures[mine] - begin])

    def _judge(self, sound: Tensor, picture: Tensor) -> np.ndarray:
        parts = zip(_batches(sound), _batches(picture), strict=True)
        return np.concatenate([self._module.judge(heard, seen).float().cpu().numpy() for heard, seen in parts])

    def _maps(self, sound: Tensor, picture: Tensor) -> np.ndarray:
        return self._module.maps(sound, picture).float().cpu().numpy() + self._module.bias

    def _hear(self, sounds: np.ndarray) -> Tensor:
        return self._module.encode_sound({self._module.sound_column: sounds})

    def _late(self, sounds: np.ndarray, delay_ms: int) -> np.ndarray:
        """Return sounds late by a delay, their first value held."""
        is_waveform = self._module.sound_column == "waveform"
        per_second = self._config.sample_rate if is_waveform else 1000 / self._config.log_mel.hop_ms
        begin = round(delay_ms / 1000 * per_second)
        return sounds[..., np.maximum(np.arange(sounds.shape[-1]) - begin, 0)]

    def _noise(self, count: int) -> np.ndarray:
        """Return white noise as the model hears it, other noise with every call."""
        config = self._config
        waveforms = _NOISE_LEVEL * self._chance.standard_normal((count, config.num_samples)).astype(np.float32)
        if self._module.sound_column == "waveform":
            return waveforms[:, None]
        return np.stack([log_mel(row, sample_rate=config.sample_rate, config=config.log_mel) for row in waveforms])


def _read(dataset: str, config: PreparationConfig, columns: tuple[str, ...], max_rows: int) -> Iterator[dict[str, Any]]:
    for table in read_tables(dataset, max_rows=max_rows, columns=columns, splits=("test",)):
        yield to_arrays(decode_table(table, config=config), config=config)


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
