"""A space file names fields as the command line does, and is refused, naming the line, where it cannot be."""

import numpy as np
import pytest

from infra.errors import InputError
from tune.space import (
    default_space,
    grid_trials,
    identity,
    num_combinations,
    parse_space,
    random_trials,
    read_space,
    with_fields,
)
from tune.sweep import split_space_fields
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
        ("optim.lr", "'' is no kind of range; choose from choice, uniform, loguniform, int, quniform"),
        ("optim.lr choice", "has nothing to choose from"),
        ("optim.lr choice 0.1 0.2 0.10", "optim.lr has 0.1 twice; leave one out"),
        ("optim.lr choice fast", "takes numbers, not 'fast'"),
        ("optim.name choice adam rmsprop", "'rmsprop' does not exist; choose from sgd"),
        ("optim choice 3", "has fields of its own; name one of them, such as optim.name"),
        ("channels uniform 8 64", "takes whole numbers"),
        ("channels int 8 64.5", "give whole numbers"),
        ("optim.momentum quniform 0.5 0.9", "needs a lower end, an upper end and a step"),
        ("optim.momentum quniform 0.5 0.9 0", "has the step 0; give one above zero, at most 0.4"),
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
        assert len({identity(fields) for fields in trials}) == 12
        rest = random_trials(space, 99, np.random.default_rng(seed), taken=trials[:7])
        assert {identity(fields) for fields in rest} == {identity(fields) for fields in trials[7:]}
    assert num_combinations(default_space()) == np.inf


def test_a_grid_is_as_fine_as_the_number_of_trials_allows():
    trials = grid_trials(default_space(), 40)
    assert len(trials) == 4 * 3 * 3
    rates = sorted({trial["optim.lr"] for trial in trials})
    assert rates == pytest.approx([1e-3, 1e-2, 1e-1])


def test_too_few_trials_for_any_grid_are_refused():
    with pytest.raises(InputError, match=r"--num-trials: 3 is fewer than the 16"):
        grid_trials(default_space(), 3)


def test_int_and_quniform_ranges_are_counted_drawn_and_laid_in_grids():
    space = parsed("channels int 8 11\noptim.momentum quniform 0.5 0.9 0.1\nloader.batch_size quniform 2 8 2\n")
    assert num_combinations(space) == 4 * 5 * 4
    trials = random_trials(space, 80, np.random.default_rng(0))
    assert {trial["channels"] for trial in trials} == {8, 9, 10, 11}
    assert {trial["optim.momentum"] for trial in trials} == {0.5, 0.6, 0.7, 0.8, 0.9}
    assert {trial["loader.batch_size"] for trial in trials} == {2, 4, 6, 8}
    assert len(grid_trials(space, 8)) == 8
    assert space["optim.momentum"].nearest(0.1 + 0.2 + 0.4) == 0.7


def test_space_as_yaml_is_the_space_as_text(tmp_path):
    text, nested = tmp_path / "space.txt", tmp_path / "space.yaml"
    text.write_text(
        "optim.lr loguniform 1e-4 1e-1\noptim.name choice adam sgd\nchannels choice 16 32\nflip choice True False"
    )
    nested.write_text(
        "optim:\n  lr: loguniform 1e-4 1e-1\n  name: [adam, sgd]\nchannels: choice 16 32\nflip: [true, false]\n"
    )
    assert read_space(str(nested), {}, demo()) == read_space(str(text), {}, demo())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("optim: [", "space.yaml is no YAML"),
        ("- 3", "names no field; give lines such as: optim.lr: loguniform"),
        ("optim.lrr: loguniform 1 2", "optim.lrr does not exist"),
    ],
)
def test_space_as_yaml_that_cannot_be_is_refused(tmp_path, text, complaint):
    (tmp_path / "space.yaml").write_text(text)
    with pytest.raises(InputError, match=complaint):
        read_space(str(tmp_path / "space.yaml"), {}, demo())


def test_single_fields_replace_the_default_space_and_those_of_a_file(tmp_path):
    single = {"optim.lr": "uniform 0.1 0.2"}
    assert list(read_space(None, single, demo())) == ["optim.lr"]
    (tmp_path / "space.txt").write_text("optim.lr choice 1.0\nchannels choice 16 32")
    found = read_space(str(tmp_path / "space.txt"), single, demo())
    assert (found["optim.lr"].kind, list(found)) == ("uniform", ["optim.lr", "channels"])
    with pytest.raises(InputError, match=r"--space\.optim\.lr: 'log' is no kind of range"):
        read_space(None, {"optim.lr": "log 1 2"}, demo())


def test_single_fields_are_taken_from_the_command_line():
    words = [
        "multisensory",
        "--space.optim.weight-decay",
        "uniform 0 1",
        "--seed",
        "3",
        "--space.channels=choice 16 32",
    ]
    fields = {"optim.weight_decay": "uniform 0 1", "channels": "choice 16 32"}
    assert split_space_fields(words) == (fields, ["multisensory", "--seed", "3"])
    with pytest.raises(InputError, match=r"--space\.channels: missing"):
        split_space_fields(["--space.channels", "--seed"])
