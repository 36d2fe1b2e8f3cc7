"""How files are read for an answer: as a model's clips were, or at a fixed size for motion and loudness."""

import contextlib
from collections.abc import Iterator

from datasets.clips.spectrogram import LogMelConfig
from infra.errors import InputError
from infra.seeding import digest
from models.offset.features import MotionLoudness
from workflows.offset.curves import Reading

CORRELATION = "correlation of motion with loudness, without learning"

_SIZE = 72
_SAMPLE_RATE = 16000
_MEL = LogMelConfig()


def method_name(model: str | None) -> str:
    """Return what an answer says it was found with."""
    return CORRELATION if model is None else f"model {model}"


@contextlib.contextmanager
def reading_for(model: str | None) -> Iterator[tuple[Reading, str]]:
    """Give how files are read, and the method's name.

    Raises:
        InputError: If the model is of another kind.
    """
    if model is None:
        yield (
            Reading(
                features=MotionLoudness(hop_seconds=_MEL.hop_ms / 1000, window_seconds=_MEL.window_ms / 1000),
                log_mel=_MEL,
                sample_rate=_SAMPLE_RATE,
                size=_SIZE,
            ),
            method_name(None),
        )
        return
    from workflows.trained.model import loaded  # MLflow takes seconds to import

    with loaded(model) as found:
        features = getattr(found.module.cpu(), "offset_features", None)
        if features is None:
            raise InputError(
                f"--model: one of the recipe {found.recipe} has no features to try lags with; give one of coincidence, or none"
            )
        preparation = found.preparation
        yield (
            Reading(
                features=features,
                log_mel=preparation.log_mel,
                sample_rate=preparation.sample_rate,
                size=preparation.size,
                fit=preparation.fit,
                fingerprint=digest(
                    *(value.numpy().tobytes() for value in found.module.network.state_dict().values())
                ).hex(),
            ),
            method_name(model),
        )
