"""Platt scaling finds the scale and offset that answers were drawn with, and changes no order."""

import numpy as np
import pytest
import torch

from models.calibration import Calibration, fit_calibration
from models.coincidence import Coincidence
from models.synchronization import ClipSize, Synchronization


def drawn(scale, offset, *, num_examples=200_000):
    """Logits of a model, and truth that is drawn with the probabilities of scale * logit + offset."""
    chance = np.random.default_rng(0)
    logits = chance.normal(0.5, 3, num_examples)
    return logits, (chance.random(num_examples) < 1 / (1 + np.exp(-(scale * logits + offset)))).astype(float)


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (0.3, -0.7), (4.0, 1.5), (0.02, 0.4)])
def test_calibration_recovers_scale_and_offset(scale, offset):
    found = fit_calibration(*drawn(scale, offset))
    assert found.scale == pytest.approx(scale, rel=0.03, abs=0.002)
    assert found.offset == pytest.approx(offset, abs=0.03)


def test_calibration_has_no_gradient_left():
    logits, targets = drawn(0.5, 0.2, num_examples=500)
    found = fit_calibration(logits, targets)
    yes, no = targets.sum(), (1 - targets).sum()
    wanted = np.where(targets == 1, (yes + 1) / (yes + 2), 1 / (no + 2))
    error = 1 / (1 + np.exp(-found.apply(logits))) - wanted
    assert (error.mean(), (error * logits).mean()) == pytest.approx((0, 0), abs=1e-9)


def test_calibration_does_not_depend_on_the_unit_of_evidence():
    logits, targets = drawn(0.5, 0.2, num_examples=500)
    first, second = fit_calibration(logits, targets), fit_calibration(1000 * logits, targets)
    assert second.scale * 1000 == pytest.approx(first.scale)
    assert second.offset == pytest.approx(first.offset)


def test_calibration_of_answers_that_are_all_right_stays_finite():
    targets = np.tile([1.0, 0.0], 20)
    found = fit_calibration(np.where(targets == 1, 2.0, -3.0), targets)
    probabilities = 1 / (1 + np.exp(-found.apply(np.array([2.0, -3.0]))))
    assert probabilities == pytest.approx([21 / 22, 1 / 22])


def test_calibration_of_evidence_against_the_truth_keeps_the_order():
    logits, targets = drawn(-0.5, 0.0, num_examples=2000)
    found = fit_calibration(logits, targets)
    assert found.scale * np.abs(logits).max() == pytest.approx(1e-3)
    assert np.abs(1 / (1 + np.exp(-found.apply(logits))) - targets.mean()).max() < 0.01


def test_calibration_undone_is_what_was_calibrated():
    logits = np.random.default_rng(0).normal(size=50)
    calibration = Calibration(0.3, -1.2)
    assert calibration.undo(calibration.apply(logits)) == pytest.approx(logits)
    assert calibration.apply(logits).argsort().tolist() == logits.argsort().tolist()


def test_a_calibrated_model_s_map_and_bias_are_its_logit():
    torch.manual_seed(0)
    network = Coincidence(num_bins=8, num_features=8, grid=4, scales=(2,)).eval()
    module = Synchronization(
        network, sound_column="log_mel", crop_size=16, flip=False, clip=ClipSize(30, 32000, 8, 124), seed=0
    )
    batch = {"log_mel": torch.randn(3, 8, 124), "frames": torch.randint(0, 256, (3, 30, 16, 16, 3), dtype=torch.uint8)}
    with torch.inference_mode():
        before = module.predict(batch)
        assert torch.allclose(before["maps"].mean(dim=(1, 2, 3)) + module.bias, before["logits"], atol=1e-5)
        module.calibration = Calibration(0.4, 1.7)
        after = module.predict(batch)
        assert torch.allclose(after["logits"], 0.4 * before["logits"] + 1.7, atol=1e-5)
        assert torch.allclose(after["maps"].mean(dim=(1, 2, 3)) + module.bias, after["logits"], atol=1e-5)
        assert torch.equal(module.judge(module.encode_sound(batch), module.encode_picture(batch)), after["logits"])
        assert torch.allclose(after["probabilities"], after["logits"].sigmoid())
    assert module.state_dict().keys() == {f"network.{name}" for name in network.state_dict()}
