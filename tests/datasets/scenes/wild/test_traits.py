"""Traits that are left out by name."""

import pytest

from datasets.scenes.wild.traits import traits_without
from infra.errors import InputError


def test_traits_are_all_on_but_those_left_out():
    traits = traits_without(("camera", "speech"))
    assert (traits.camera, traits.speech, traits.film, traits.sustained) == (False, False, True, True)


def test_unknown_trait_and_a_silent_world_are_refused_in_one_line():
    with pytest.raises(InputError, match="without: 'weather' is unknown; choose from speech, sustained"):
        traits_without(("weather",))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="leave nothing that sounds; keep one of them"):
        traits_without(("speech", "sustained", "strikes"))
