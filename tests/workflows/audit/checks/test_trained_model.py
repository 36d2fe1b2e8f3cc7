"""Checks of a trained model name an audio-only or video-only network, and maps that are flat within frames."""

import dataclasses

import numpy as np
import pytest

from workflows.audit.checks.map_numbers import map_correlation, map_numbers, positive_evidence
from workflows.audit.checks.responses import DELAYS_MS, Responses
from workflows.audit.checks.trained_model import check_model, response_curves
from workflows.audit.checks.windows import pair_examples

PAIRS, CELLS, SIDE = 40, 6, 8


def seen_as(found, own, foreign, silent):
    """Responses with other maps, given whole."""
    return dataclasses.replace(
        found,
        maps=map_numbers(own),
        foreign_correlation=map_correlation(own, foreign),
        silent_evidence=positive_evidence(silent),
    )


@pytest.fixture
def drawn():
    """Maps by what is heard: own sound, high at one place of the frame unless it comes from off the screen, foreign, silence."""
    chance = np.random.default_rng(0)

    def maps(height):
        values = -0.5 + 0.05 * chance.standard_normal((2 * PAIRS, CELLS, SIDE, SIDE))
        place = chance.integers(SIDE, size=(2, 2 * PAIRS))
        values[np.arange(2 * PAIRS), :, place[0], place[1]] += height
        return values

    hidden = (np.arange(2 * PAIRS) % 8 < 2)[:, None, None, None]
    return {"own": np.where(hidden, maps(0.0), maps(8.0)), "foreign": maps(0.5), "silent": maps(0.0)}


@pytest.fixture
def honest(drawn):
    """A network that looks and listens: high where sound and picture fit, at one place of the frame."""
    chance = np.random.default_rng(0)
    partner = np.arange(2 * PAIRS) ^ 1
    examples = pair_examples(partner, np.ones(2 * PAIRS, bool))
    recordings = np.repeat([f"video {number}" for number in range(PAIRS)], 2)

    def logits(mean):
        return mean + 0.5 * chance.standard_normal(np.shape(mean))

    fits = 2 * examples.target - 1.0
    return Responses(
        examples=examples,
        shifts=np.where(examples.target == 1, 0, chance.uniform(0.5, 3, len(fits))),
        example_recordings=recordings[examples.picture],
        logits=logits(2 * fits),
        foreign_picture=logits(np.full(len(fits), -2)),
        foreign_sound=logits(np.full(len(fits), -2)),
        gray_picture=logits(np.full(len(fits), -2)),
        silent_sound=logits(np.full(len(fits), -2)),
        recordings=recordings,
        off_screen=np.arange(2 * PAIRS) % 8 < 2,
        maps=map_numbers(drawn["own"]),
        foreign_correlation=map_correlation(drawn["own"], drawn["foreign"]),
        silent_evidence=positive_evidence(drawn["silent"]),
        noise_evidence=positive_evidence(drawn["silent"]),
        delayed=np.stack([logits(np.full(2 * PAIRS, 2.0 if delay == 0 else -2.0)) for delay in DELAYS_MS]),
    )


def verdicts(found):
    return {check.name.removeprefix("model: "): check.verdict for check in check_model(found)}


def leaks(found):
    return {name for name, verdict in verdicts(found).items() if verdict == "leak"}


def test_model_checks_pass_a_network_of_both_modalities(honest):
    assert set(verdicts(honest).values()) == {"pass"}


def test_model_checks_name_an_audio_only_network(honest):
    hears = dataclasses.replace(honest, foreign_picture=honest.logits, gray_picture=honest.logits)
    assert leaks(hears) == {"frame swap", "above one modality"}


def test_model_checks_name_a_video_only_network(honest, drawn):
    same = seen_as(honest, drawn["own"], drawn["own"], drawn["own"])
    sees = dataclasses.replace(same, foreign_sound=honest.logits, silent_sound=honest.logits)
    assert leaks(sees) == {"sound swap", "above one modality", "map under foreign sound", "silence"}


def test_model_checks_name_a_detector_of_cuts(honest):
    in_sync = np.broadcast_to(honest.delayed[0], honest.delayed.shape)
    assert leaks(dataclasses.replace(honest, delayed=in_sync)) == {"late sound"}


def test_model_checks_name_maps_flat_within_frames(honest, drawn):
    chance = np.random.default_rng(1)
    own = drawn["own"]
    whole = own.mean(axis=(1, 2, 3), keepdims=True) + 3 * chance.standard_normal((2 * PAIRS, CELLS, 1, 1))
    flat = np.broadcast_to(whole, own.shape)
    assert "flat maps" in leaks(seen_as(honest, flat, drawn["foreign"], drawn["silent"]))


def test_model_checks_name_maps_of_off_screen_sound(honest, drawn):
    own = np.where(honest.off_screen[:, None, None, None], np.roll(drawn["own"], 4, axis=0), drawn["own"])
    assert leaks(seen_as(honest, own, drawn["foreign"], drawn["silent"])) == {"off-screen sound"}


def test_model_checks_of_few_recordings_decide_nothing(honest):
    few = dataclasses.replace(
        honest,
        recordings=np.asarray([name[-1:] for name in np.repeat(np.arange(2 * PAIRS) % 5, 1).astype(str)]),
        example_recordings=(honest.examples.picture % 5).astype(str),
    )
    assert set(verdicts(few).values()) == {"too little data"}


def test_response_curves_hold_answers_by_delay_and_shift(honest):
    curves = response_curves(honest)
    assert curves["called_out_of_step"][0] < 0.05
    assert min(curves["called_out_of_step"][1:]) > 0.95
    assert [part["accuracy"] > 0.9 for part in curves["by_shift"]] == [True] * 4
