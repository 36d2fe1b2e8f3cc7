import dataclasses
import math

import pytest

from datasets.clips.spectrogram import LogMelConfig
from datasets.config import PreparationConfig
from datasets.presets import PRESETS
from infra.errors import InputError

NUMBERS = [field.name for field in dataclasses.fields(PreparationConfig) if field.type in (int, float)]
LOG_MEL_NUMBERS = [field.name for field in dataclasses.fields(LogMelConfig)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, 1e9])
@pytest.mark.parametrize("name", [name for name in NUMBERS if name != "seed"])
def test_config_numbers_out_of_range_are_refused(name, value):
    with pytest.raises(InputError, match=rf"^{name}: .*; give a number in between"):
        PreparationConfig(**{name: value})


@pytest.mark.parametrize("value", [math.nan, math.inf, 0, -1])
@pytest.mark.parametrize("name", LOG_MEL_NUMBERS)
def test_log_mel_numbers_out_of_range_are_refused(name, value):
    with pytest.raises(InputError, match=rf"^log_mel\.{name}: .*; give a number in between"):
        LogMelConfig(**{name: value})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sample_rate": 1}, "sample_rate: 1 is not from 100"),
        ({"clip_seconds": 0.02}, "sample_rate: 44100 gives a clip of 882 samples, too few for log_mel.window_ms 32"),
        ({"frame_rate": 0.1}, "frame_rate: 0.1 gives no frame in clip_seconds 4.0"),
        ({"sample_rate": 1000}, "log_mel.num_bins: 64 is more than the 17 frequencies of a window of 32 samples"),
        (
            {"sample_rate": 100, "log_mel": LogMelConfig(hop_ms=1)},
            "too few for log_mel.window_ms 32 and log_mel.hop_ms 1",
        ),
        ({"min_shift_seconds": 3.0, "max_shift_seconds": 2.0}, "min_shift_seconds: 3.0 is above max_shift_seconds"),
        ({"validation_share": 0.5, "test_share": 0.5}, "leave nothing to train on"),
    ],
)
def test_config_numbers_that_do_not_fit_each_other_are_refused(values, words):
    with pytest.raises(InputError) as found:
        PreparationConfig(**values)
    assert words in str(found.value)


@pytest.mark.parametrize("config", PRESETS.values(), ids=PRESETS)
def test_presets_are_what_they_are_saved_as(config):
    assert PreparationConfig.from_dict(config.to_dict()) == config
    assert min(config.num_frames, config.num_samples, config.num_hops) > 1
