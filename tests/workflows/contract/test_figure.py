"""A figure says what it is read against, and when it is below what no learning gives."""

import pytest

from workflows.contract.figure import Figure
from workflows.trained.card import _below_floor


@pytest.mark.parametrize(
    ("value", "better", "below"), [(0.45, "higher", True), (0.8, "higher", False), (0.8, "lower", True)]
)
def test_a_figure_below_its_floor_says_so(value, better, below):
    figure = Figure(
        name="f", title="accuracy", value=value, chance=0.5, floor=0.7, floor_title="loudness", better=better
    )
    assert figure.is_below_floor == below
    assert figure.against == f"chance 0.500, {'BELOW ' if below else ''}loudness 0.700"


def test_without_a_floor_nothing_is_below_it():
    figure = Figure(name="f", title="accuracy", value=0.1, chance=0.5)
    assert not figure.is_below_floor
    assert figure.against == "chance 0.500"


def test_the_card_lists_figures_below_their_floor_among_failures():
    below = Figure(name="f", title="accuracy", value=0.45, floor=0.7, floor_title="loudness")
    above = Figure(name="g", title="pointing", value=0.9, floor=0.7)
    lines = _below_floor({figure.name: figure.to_dict() for figure in (below, above)})
    assert lines == ["accuracy 0.450 is below the floor: loudness, without learning, has 0.700"]
