import dataclasses
import inspect
import typing

import numpy as np
import pytest
import torch

from datasets.reading.row_groups import SPANS
from workflows.contract.registry import default_configuration, load_recipe, named_configurations, recipe_names


def tiny_configurations():
    """The smallest configuration of every recipe, once for each `target` that it can be trained for."""
    for name in recipe_names():
        recipe = load_recipe(name)
        config = recipe.tiny()
        for target in typing.get_args(typing.get_type_hints(recipe.Config).get("target")) or (None,):
            changes = {} if target is None else {"target": target}
            yield pytest.param((recipe, dataclasses.replace(config, **changes)), id="-".join([name, *changes.values()]))


@pytest.fixture(params=recipe_names())
def recipe(request):
    return load_recipe(request.param)


@pytest.fixture(params=tiny_configurations())
def case(request):
    return request.param


def tiny_batch(recipe, config, num_units=2):
    """One batch of every stream, made up."""
    chance = np.random.default_rng(0)
    batches = {}
    for name, stream in recipe.streams(config).items():
        rows = SPANS[stream.unit] * num_units
        size = getattr(config, "crop_size", 32)
        num_frames, num_samples = getattr(config, "num_frames", 8), getattr(config, "num_samples", 24000)
        num_bins, num_hops = getattr(config, "num_bins", 8), getattr(config, "num_hops", 30)
        made = {
            "frames": chance.integers(0, 255, (rows, num_frames, size, size, 3), np.uint8),
            "log_mel": chance.normal(-8, 3, (rows, num_bins, num_hops)).astype(np.float32),
            "waveform": chance.normal(0, 0.1, (rows, 1, num_samples)).astype(np.float32),
            "label": [f"class {row % 2}" for row in range(rows)],
            "texts": [[{"role": "caption", "text": f"number {row}"}] for row in range(rows)],
            "clip_id": [str(row) for row in range(rows)],
        }
        batches[name] = {column: made[column] for column in stream.columns}
    return batches


def made(recipe, config):
    """What a recipe builds for made-up clips."""
    words = [[{"role": "caption", "text": f"number {number}"}] for number in range(4)]
    assets = recipe.assets(config, lambda columns, stream=None: [{"label": ["class 0", "class 1"], "texts": words}])
    return recipe.build(config, assets, {})


def begun(recipe, config, steps=80):
    learner = made(recipe, config)
    learner.begin(total_steps=steps, device=torch.device("cpu"))
    return learner


def test_a_recipe_keeps_the_contract(recipe):
    assert {default_configuration(recipe), "demo", "tiny"} <= set(named_configurations(recipe))
    for name in ("streams", "fit_to", "assets", "references", "build", "evaluators", "objective"):
        assert callable(getattr(recipe, name))
    assert len(inspect.getsource(recipe).splitlines()) <= 250
    assert len(recipe.__doc__) > 300


def test_one_step_is_finite_and_reaches_every_parameter(case):
    recipe, config = case
    learner = begun(recipe, config)
    before = {n: p.detach().clone() for m in learner.modules.values() for n, p in m.named_parameters()}
    metrics = [learner.step(tiny_batch(recipe, config, config.loader.batch_size)) for _ in range(2)]
    assert all(np.isfinite(value) for row in metrics for value in row.values())
    after = {n: p for m in learner.modules.values() for n, p in m.named_parameters()}
    # A bias ahead of a batch norm has no effect, so rounding alone decides whether it moves.
    still = [name for name in before if torch.equal(before[name], after[name]) and not name.endswith("bias")]
    assert not still


def test_a_recipe_overfits_one_tiny_batch(case):
    recipe, config = case
    learner = begun(recipe, config)
    batch = tiny_batch(recipe, config, config.loader.batch_size)
    losses = []
    for _ in range(80):
        for module in learner.modules.values():
            if hasattr(module, "generator"):
                module.generator.manual_seed(0)  # the same crops and pairings, so that it is one batch
        losses.append(learner.step(batch)["loss"])
    assert losses[-1] < 0.1 < losses[0]


def test_a_learner_goes_on_from_its_state_as_if_never_interrupted(case):
    recipe, config = case
    batch = tiny_batch(recipe, config, config.loader.batch_size)
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


def test_ranks_draw_other_augmentations_from_the_same_weights(case):
    """Building seeds by the run alone, so that all ranks begin with equal weights."""
    recipe, config = case
    first, second = (made(recipe, config) for _ in range(2))
    for name, module in first.modules.items():
        for key, value in module.state_dict().items():
            assert torch.equal(value, second.modules[name].state_dict()[key]), key


@pytest.mark.parametrize("name", [name for name in recipe_names() if hasattr(load_recipe(name), "paper")])
def test_the_published_configuration_builds(name):
    recipe = load_recipe(name)
    assert sum(value.numel() for value in made(recipe, recipe.paper()).modules["network"].parameters()) > 1e6
