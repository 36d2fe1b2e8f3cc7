"""Offset as target: refused for clips that are too short, and a model of it goes through training, serving, evaluation and promotion."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from datasets.presets import PRESETS
from datasets.reading.reader import read
from infra.errors import InputError
from workflows.evaluate.report import evaluate_model
from workflows.promote.__main__ import promote
from workflows.recipes import multisensory
from workflows.train.fit import fit
from workflows.train.job import Scaling
from workflows.trained.model import loaded
from workflows.trained.serving import load

HERE = Scaling(num_workers=0)


def offset(**cadence):
    config = multisensory.tiny()
    return dataclasses.replace(config, target="offset", cadence=dataclasses.replace(config.cadence, **cadence))


@pytest.mark.parametrize(
    ("config", "seconds", "message"),
    [
        ({}, 0.2, r"^target: offset needs clips of 4 frames, these have 3; prepare longer clips$"),
        (
            {"network": "paper"},
            2.0,
            r"^target: offset reads parts of clips; give --network compact, or aligned",
        ),
        ({"network": "aligned", "audio_input": "waveform"}, 2.0, "target: offset reads parts of clips"),
    ],
)
def test_offset_of_clips_or_networks_without_parts_is_refused(config, seconds, message):
    card = {"config": dataclasses.replace(PRESETS["demo"], clip_seconds=seconds).to_dict()}
    config = dataclasses.replace(multisensory.offset(), **config)
    with pytest.raises(InputError, match=message):
        multisensory.fit_to(config, {"clips": card})


@pytest.mark.parametrize("audio_input", ["log_mel", "waveform"])
def test_offset_of_the_small_network_is_told_from_either_kind_of_sound(audio_input):
    config = dataclasses.replace(multisensory.tiny(), target="offset", audio_input=audio_input)
    module = multisensory.build(config, {}, {}).modules["network"].eval()
    chance, shape = np.random.default_rng(0), {"log_mel": (2, 8, 30), "waveform": (2, 1, 8000)}[audio_input]
    sound = chance.normal(0, 0.1, shape).astype(np.float32)
    found = module.predict({"frames": chance.integers(0, 255, (2, 8, 32, 32, 3), np.uint8), audio_input: sound})
    assert found["offset_probabilities"].sum(dim=1).tolist() == pytest.approx([1, 1])
    assert found["maps"].shape[0] == 2


@pytest.mark.ray
def test_offset_model_is_trained_resumed_served_evaluated_and_promoted(small_dataset, tracking, capsys):
    def train(name, *, resume=False, **cadence):
        return fit("multisensory", offset(**cadence), data=small_dataset, run_name=name, scaling=HERE, resume=resume)

    whole, stopped = train("whole"), train("halves", max_minutes=0.0)
    assert not stopped.finished
    resumed = train("halves", resume=True)
    histories = [json.loads(Path(run.run_folder, "history.json").read_text()) for run in (whole, resumed)]
    for before, after in zip(*histories, strict=True):
        for name in ("train/loss", "validation/loss", "objective"):
            assert after[name] == pytest.approx(before[name], abs=1e-4), name
    clip = next(iter(read(small_dataset, "validation", columns=("frames", "waveform"))))
    found = load(whole.model_uri).predict(video=clip["frames"][None], waveform=clip["waveform"])
    assert found["offset_seconds"][0] in np.float32([-0.25, -0.125, 0.0, 0.125, 0.25])
    assert found["offset_probabilities"].shape == (1, 5)
    assert found["maps"].shape[0] == 1
    with loaded(whole.model_uri) as model:
        report = evaluate_model(model, dataset=small_dataset, split="test")
    assert report.figures["near_offset_accuracy"].chance == 0.6
    assert {"pointing_accuracy", "floor_near_offset_accuracy", "expected_calibration_error"} <= set(report.figures)
    promote(resumed.model_uri, small_dataset)
    assert "objective  offset accuracy within a class" in capsys.readouterr().out
