"""`python -m workflows` lists every command of the README, each with its sentence."""

import re

from tests.docs.pages import ROOT
from workflows.__main__ import commands


def test_listing_has_every_command_of_the_readme():
    named = set(re.findall(r"`((?:workflows|tune)\.\w+)`", (ROOT / "README.md").read_text()))
    assert named <= set(commands())
    assert {"workflows.train", "workflows.calibrate", "tune.sweep"} <= named


def test_listing_says_of_every_command_what_it_does():
    for name, sentence in commands().items():
        assert re.match(r"^[A-Z][a-z-]+ .*[^,;]$", sentence), (name, sentence)
