"""What is said about scenes is true of them, and saying it changes nothing."""

from collections import Counter

import numpy as np
import pytest

from datasets.scenes.captions import TAGS, color_name, describe
from datasets.scenes.scene import DIFFICULTIES, Level
from datasets.schema import TEXT_ROLES
from datasets.sources.synthetic import scene

LEVELS: tuple[Level, ...] = ("easy", "medium", "hard")
NUMBERS = {"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4}


def words(drawn, role, **options):
    return [text.text for text in describe(drawn, **options) if text.role == role]


def answers(drawn):
    return dict(zip(words(drawn, "question"), words(drawn, "answer"), strict=True))


@pytest.fixture(params=LEVELS)
def scenes(request):
    return [scene(index, seed=0, level=request.param, seconds=3.0) for index in range(40)]


def test_captions_are_one_to_five_different_sentences(scenes):
    counts = Counter(len(words(drawn, "caption")) for drawn in scenes)
    assert set(counts) == {1, 2, 3, 4, 5}
    assert all(len(set(words(drawn, "caption"))) == len(words(drawn, "caption")) for drawn in scenes)
    assert {text.role for drawn in scenes for text in describe(drawn)} <= set(TEXT_ROLES)


def test_captions_name_things_that_the_scene_has(scenes):
    for drawn in scenes:
        there = {f"{color_name(each.color)} {each.kind}" for each in drawn.strikers}
        for sentence in words(drawn, "caption"):
            if " is left of " in sentence:
                left, right = sentence.rstrip(".").split(" is left of ")
                assert {left.split(" ", 1)[1], right.split(" ", 1)[1]} <= there
            if "outside the picture" in sentence or "Nothing that is seen" in sentence:
                assert drawn.off_screen
            if " sounds like " in sentence and not drawn.off_screen:
                heard = drawn.strikers[drawn.sounding]
                assert f"{color_name(heard.color)} {heard.kind}" in sentence
                assert drawn.sounds[0].timbre.material in sentence
            if sentence.startswith("The background"):
                assert drawn.tone in sentence


def test_narrations_are_the_strikes_in_their_order(scenes):
    for drawn in scenes:
        told = [text for text in describe(drawn) if text.role == "narration"]
        assert [text.start_seconds for text in told] == sorted(text.start_seconds for text in told)
        heard = [text.start_seconds for text in told if "is heard" in text.text]
        strikes = drawn.strike_seconds
        np.testing.assert_array_equal(heard, strikes[(strikes >= 0) & (strikes < drawn.seconds)])
        num_strikes = sum(((each.strikes >= 0) & (each.strikes < drawn.seconds)).sum() for each in drawn.strikers)
        assert len(told) == num_strikes + (len(heard) if drawn.off_screen else 0)


def test_questions_are_answered_from_the_scene(scenes):
    sides = Counter()
    for drawn in scenes:
        given = answers(drawn)
        assert NUMBERS[given["How many things move?"]] == DIFFICULTIES[drawn.level].num_distractors + 1
        kinds = Counter(each.kind for each in drawn.strikers)
        for kind in ("ball", "hammer", "mallet"):
            assert NUMBERS[given[f"How many {kind}s are there?"]] == kinds[kind]
            color = given.get(f"What color is the {kind}?")
            assert (color is not None) == (kinds[kind] == 1)
        heard = given["What is heard most clearly?"]
        if drawn.off_screen:
            assert heard == "something outside the picture"
        else:
            striker = drawn.strikers[drawn.sounding]
            assert heard == f"the {color_name(striker.color)} {striker.kind}"
        middles = {each.kind: each.x0 + each.x1 for each in drawn.strikers}
        for question, answer in given.items():
            if " left or right of " in question:
                _, _, first, *_, second = question.rstrip("?").split()
                assert answer == ("left" if middles[first] < middles[second] else "right")
                sides[answer] += 1
    assert sides["left"] == sides["right"] > 0


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
def test_tags_are_wrong_as_often_as_asked(noise):
    scenes = [scene(index, seed=1, seconds=1.0) for index in range(200)]
    wrong = total = 0
    for drawn in scenes:
        true, found = words(drawn, "tag"), words(drawn, "tag", tag_noise=noise)
        assert len(found) == len(true) and set(found) <= set(TAGS)
        wrong += sum(tag not in true for tag in found)
        total += len(found)
    assert abs(wrong / total - noise) < 0.04


def test_texts_of_a_scene_are_the_same_every_time():
    first, again = (describe(scene(5, seed=2), tag_noise=0.5) for _ in range(2))
    assert first == again
    assert first != describe(scene(6, seed=2), tag_noise=0.5)


def test_color_names_follow_the_hue():
    named = {
        (255, 0, 0): "red",
        (255, 128, 0): "orange",
        (0, 200, 0): "green",
        (0, 0, 90): "blue",
        (255, 0, 200): "pink",
    }
    assert [color_name(np.array(color, float)) for color in named] == list(named.values())
