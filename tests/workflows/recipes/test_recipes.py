import inspect

import numpy as np
import pytest
import torch

from workflows.contract.registry import load_recipe, named_configurations, recipe_names


@pytest.fixture(params=recipe_names())
def recipe(request):
    return load_recipe(request.param)


def tiny_batch(config, num_pairs=2):
    chance = np.random.default_rng(0)
    clips = 2 * num_pairs
    size = config.crop_size
    return {
        "clips": {
            "frames": chance.integers(0, 255, (clips, config.num_frames, size, size, 3), np.uint8),
            "log_mel": chance.normal(-8, 3, (clips, config.num_bins, config.num_hops)).astype(np.float32),
            "waveform": chance.normal(0, 0.1, (clips, 1, config.num_samples)).astype(np.float32),
        }
    }


def begun(recipe, config, steps=80):
    learner = recipe.build(config, {}, {})
    learner.begin(total_steps=steps, device=torch.device("cpu"))
    return learner


def test_a_recipe_keeps_the_contract(recipe):
    assert {"paper", "demo", "tiny"} <= set(named_configurations(recipe))
    for name in ("streams", "fit_to", "assets", "references", "build", "evaluators", "objective"):
        assert callable(getattr(recipe, name))
    assert len(inspect.getsource(recipe).splitlines()) <= 250
    assert len(recipe.__doc__) > 300


def test_one_step_is_finite_and_reaches_every_parameter(recipe):
    config = recipe.tiny()
    learner = begun(recipe, config)
    before = {n: p.detach().clone() for m in learner.modules.values() for n, p in m.named_parameters()}
    metrics = [learner.step(tiny_batch(config)) for _ in range(2)]
    assert all(np.isfinite(value) for row in metrics for value in row.values())
    after = {n: p for m in learner.modules.values() for n, p in m.named_parameters()}
    # A bias ahead of a batch norm has no effect, so rounding alone decides whether it moves.
    still = [name for name in before if torch.equal(before[name], after[name]) and not name.endswith("bias")]
    assert not still


def test_a_recipe_overfits_one_tiny_batch(recipe):
    config = recipe.tiny()
    learner = begun(recipe, config)
    batch = tiny_batch(config)
    losses = [learner.step(batch)["loss"] for _ in range(80)]
    assert losses[-1] < 0.1 < losses[0]


def test_a_learner_goes_on_from_its_state_as_if_never_interrupted(recipe):
    config = recipe.tiny()
    batch = tiny_batch(config)
    learner = begun(recipe, config)
    for _ in range(3):
        learner.step(batch)
    weights = {n: {k: v.clone() for k, v in m.state_dict().items()} for n, m in learner.modules.items()}
    generators = {n: m.generator.get_state() for n, m in learner.modules.items() if hasattr(m, "generator")}
    state = learner.state_dict()
    restored = begun(recipe, config)
    for name, module in restored.modules.items():
        module.load_state_dict(weights[name])
        if name in generators:
            module.generator.set_state(generators[name])
    restored.load_state_dict(state, done=0.5)
    assert restored.step(batch)["loss"] == pytest.approx(learner.step(batch)["loss"], abs=1e-6)
