"""A space file names fields as the command line does, and is refused, naming the line, where it cannot be."""

import numpy as np
import pytest

from infra.errors import InputError
from tune.space import default_space, grid_trials, num_combinations, parse_space, random_trials, with_fields
from tune.trials import trial_name
from workflows.recipes.multisensory import demo


def parsed(text):
    return parse_space(text, demo(), name="space.txt")


def test_a_space_is_read_line_by_line():
    space = parsed("# what to try\noptim.lr loguniform 1e-4 1e-1\n\nchannels choice 16 32  # width\n")
    assert space["optim.lr"].values == (1e-4, 1e-1)
    assert space["channels"].values == (16, 32)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("optim.lrr choice 1", "optim.lrr does not exist; choose from name, lr"),
        ("optim.lr uniform 2 1", "give the lower end first"),
        ("optim.lr loguniform 0 1", "give a lower end above zero"),
        ("optim.lr uniform -1 2", "optim.lr: -1.0 is not above zero"),
        ("optim.lr uniform 1", "needs a lower and an upper end"),
        ("optim.lr", "'' is no kind of range; choose from choice, uniform, loguniform"),
        ("optim.lr choice", "has nothing to choose from"),
        ("optim.lr choice 0.1 0.2 0.10", "optim.lr has 0.1 twice; leave one out"),
        ("optim.lr choice fast", "takes numbers, not 'fast'"),
        ("optim.name choice adam rmsprop", "'rmsprop' does not exist; choose from sgd"),
        ("optim choice 3", "has fields of its own; name one of them, such as optim.name"),
        ("channels uniform 8 64", "takes whole numbers"),
        ("flip choice maybe", "takes True or False"),
        ("norm.kind choice batch", "norm has no fields"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(line, complaint):
    with pytest.raises(InputError) as refused:
        parsed(f"# a space\n{line}\n")
    assert str(refused.value).startswith("--space: space.txt, line 2: ")
    assert complaint in str(refused.value)


def test_a_field_stands_once():
    with pytest.raises(InputError, match=r"line 2: optim\.lr stands there twice"):
        parsed("optim.lr choice 0.1\noptim.lr choice 0.2")


def test_an_empty_space_is_refused():
    with pytest.raises(InputError, match="names no field"):
        parsed("# nothing\n")


def test_fields_are_replaced_at_any_depth_and_the_rest_stays():
    config = with_fields(demo(), {"optim.lr": 0.5, "channels": 16})
    assert (config.optim.lr, config.channels) == (0.5, 16)
    assert config.optim.weight_decay == demo().optim.weight_decay


def test_a_log_uniform_range_is_drawn_evenly_over_its_decades():
    trials = random_trials(default_space(), 4000, np.random.default_rng(0))
    decades = np.log10([trial["optim.weight_decay"] for trial in trials])
    assert decades.min() >= -5
    assert decades.max() <= 1
    assert np.histogram(decades, 6)[0] == pytest.approx(4000 / 6, rel=0.15)


def test_random_trials_of_choices_alone_come_once():
    space = parsed("optim.name choice adam sgd\nchannels choice 8 16 32\nflip choice True False\n")
    assert num_combinations(space) == 12
    for seed in range(20):
        trials = random_trials(space, 12, np.random.default_rng(seed))
        assert len({trial_name(fields) for fields in trials}) == 12
        rest = random_trials(space, 99, np.random.default_rng(seed), taken=trials[:7])
        assert {trial_name(fields) for fields in rest} == {trial_name(fields) for fields in trials[7:]}
    assert num_combinations(default_space()) == np.inf


def test_a_grid_is_as_fine_as_the_number_of_trials_allows():
    trials = grid_trials(default_space(), 40)
    assert len(trials) == 4 * 3 * 3
    rates = sorted({trial["optim.lr"] for trial in trials})
    assert rates == pytest.approx([1e-3, 1e-2, 1e-1])


def test_too_few_trials_for_any_grid_are_refused():
    with pytest.raises(InputError, match=r"--num-trials: 3 is fewer than the 16"):
        grid_trials(default_space(), 3)
