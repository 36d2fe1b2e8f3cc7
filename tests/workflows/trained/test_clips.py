"""Models of a recipe that reads any clip take other lengths and frame rates with the same weights; all other clips are refused."""

import dataclasses

import numpy as np
import pytest
import torch

from datasets.clips.spectrogram import LogMelConfig
from infra.errors import InputError
from models.calibration import Calibration
from workflows.contract.registry import load_recipe
from workflows.evaluate.report import evaluate_model
from workflows.trained.clips import fit_to_clips
from workflows.trained.model import Model
from workflows.trained.serving import Predictor


@pytest.fixture
def make(small_config):
    """Makes a model of a recipe, with random weights, for the clips of the small dataset changed in some fields."""

    def made(name, **changes):
        recipe, preparation = load_recipe(name), dataclasses.replace(small_config, **changes)
        config = recipe.fit_to(recipe.tiny(), {"clips": {"config": preparation.to_dict()}})
        module = recipe.build(config, {}, {}).modules["network"].eval()
        return Model(recipe=name, module=module, config=config, preparation=preparation, description={}, run_id=None)

    return made


def clips(num_clips, *, frames, samples):
    chance = np.random.default_rng(0)
    video = chance.integers(0, 255, (num_clips, frames, 32, 32, 3), np.uint8)
    return video, chance.normal(0, 0.1, (num_clips, samples)).astype(np.float32)


def test_fitted_model_has_the_weights_of_the_first_and_the_sizes_of_the_clips(make):
    model = make("coincidence")
    model.module.calibration = Calibration(0.5, -1.0)
    wanted = dataclasses.replace(model.preparation, clip_seconds=2.0, frame_rate=25.0)
    fitted = fit_to_clips(model, wanted, given="--data: 'film'")
    assert fitted.preparation == wanted
    assert (fitted.config.num_frames, fitted.config.num_hops) == (50, wanted.num_hops)
    for name, value in model.module.state_dict().items():
        assert torch.equal(value, fitted.module.state_dict()[name])
    assert len(fitted.module.cell_centers().times) == 2 * len(model.module.cell_centers().times)
    assert fitted.module.calibration == Calibration(0.5, -1.0)
    assert not fitted.module.training
    assert fit_to_clips(model, model.preparation, given="--data: 'film'") is model


@pytest.mark.parametrize(
    ("recipe", "changes", "field"),
    [
        ("multisensory", {"frame_rate": 16.0}, "frame_rate=16.0, the model was trained with 8.0"),
        ("multisensory", {"clip_seconds": 2.0}, "clip_seconds=2.0, the model was trained with 1.0"),
        ("coincidence", {"log_mel": LogMelConfig(num_bins=16, window_ms=64, hop_ms=32)}, "log_mel=LogMelConfig"),
        ("coincidence", {"sample_rate": 16000}, "sample_rate=16000, the model was trained with 8000"),
    ],
)
def test_clips_that_a_model_cannot_read_are_refused(make, recipe, changes, field):
    model = make(recipe)
    with pytest.raises(InputError, match=rf"^--data: 'film' has {field}.*; prepare the data alike$"):
        fit_to_clips(model, dataclasses.replace(model.preparation, **changes), given="--data: 'film'")


@pytest.mark.ray
def test_evaluation_reads_a_dataset_at_its_own_length_and_frame_rate(make, small_dataset):
    model = make("coincidence", frame_rate=15.0, clip_seconds=2.0)
    figures = evaluate_model(model, dataset=small_dataset, split="test").figures
    assert figures["paired_accuracy"].num_examples > 0
    with pytest.raises(InputError, match=rf"^--data: '{small_dataset}' has clip_seconds=1.0, .* with 2.0"):
        evaluate_model(make("multisensory", clip_seconds=2.0), dataset=small_dataset, split="test")


def test_serving_takes_clips_of_any_length_and_frame_rate(make):
    model = make("coincidence")
    predictor = Predictor(model)
    for frames, samples in ((8, 8000), (50, 16000), (30, 8000)):
        video, waveform = clips(3, frames=frames, samples=samples)
        found = predictor.predict(video, waveform)
        assert found["logits"].shape == (3,)
        assert found["maps"].shape == (3, round(15 * samples / 8000), 4, 4)
    seen = fit_to_clips(
        model, dataclasses.replace(model.preparation, frame_rate=30.0), given="video"
    ).module.encode_picture({"frames": video})
    heard = model.module.encode_sound({"log_mel": predictor.inputs["waveform"][1].convert(waveform, model.preparation)})
    np.testing.assert_allclose(found["logits"], model.module.judge(heard, seen).detach().numpy(), atol=1e-4)


def test_serving_refuses_other_lengths_where_a_model_reads_one(make):
    video, waveform = clips(1, frames=16, samples=8000)
    with pytest.raises(InputError, match=r"^video: uint8 \(1, 16, 32, 32, 3\) is not \(batch, 8, any, any, 3\)"):
        Predictor(make("multisensory")).predict(video, waveform)
