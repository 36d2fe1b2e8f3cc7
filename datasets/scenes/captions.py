"""What is true of a synthetic scene, in words: captions, timed narrations, tags, questions with their answers.

All comes from the scene's own parameters and from a draw of its own, so that words change nothing that is drawn.
"""

import colorsys
import operator
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from datasets.scenes.picture import KINDS
from datasets.scenes.scene import Scene
from datasets.scenes.sound import MATERIALS, Material
from datasets.sources.source import Text

_MOST_CAPTIONS = 5
_APART = 0.1
"""Of the frame's side: how much further left one thing must stand for words to say so."""
_NUMBERS = ("zero", "one", "two", "three", "four", "five")
_HUES = (
    (15, "red"),
    (45, "orange"),
    (70, "yellow"),
    (165, "green"),
    (195, "turquoise"),
    (255, "blue"),
    (290, "purple"),
    (345, "pink"),
    (360, "red"),
)
_OFF_SCREEN = "off screen"
_SOUNDS: dict[Material, str] = {"wood": "wood", "metal": "metal", "drum": "a drum", "clap": "a clap"}
TAGS = (*KINDS, *MATERIALS, *dict.fromkeys(name for _, name in _HUES), "dark", "light", _OFF_SCREEN)
"""All that a scene may be tagged with."""


class _Thing(NamedTuple):
    """A moving thing as words name it."""

    kind: str
    color: str
    bar_color: str
    middle: float


def describe(scene: Scene, *, tag_noise: float = 0.0) -> list[Text]:
    """Return what is true of a scene: one to five captions, a narration of every visible or audible strike, tags, questions and answers.

    Args:
        scene: a drawn scene.
        tag_noise: probability with which each tag is replaced by a wrong one.
    """
    chance = np.random.default_rng((scene.seed, 5))
    things = [
        _Thing(each.kind, color_name(each.color), color_name(each.bar_color), 0.5 * (each.x0 + each.x1))
        for each in scene.strikers
    ]
    sentences = list(dict.fromkeys(_sentences(scene, things)))
    count = int(chance.integers(1, _MOST_CAPTIONS + 1))
    picked = sorted(chance.permutation(len(sentences))[:count].tolist())
    words = [Text(role="caption", text=sentences[place]) for place in picked]
    words += _narrations(scene, things)
    words += [Text(role="tag", text=tag) for tag in _tags(scene, things, tag_noise, chance)]
    for question, answer in _questions(scene, things):
        words += [Text(role="question", text=question), Text(role="answer", text=answer)]
    return words


def color_name(color: np.ndarray) -> str:
    """Return the name of a color (3,) in 0..255, by its hue."""
    hue, _, _ = colorsys.rgb_to_hsv(*(color / 255).tolist())
    return next(name for limit, name in _HUES if 360 * hue <= limit)


def _sentences(scene: Scene, things: list[_Thing]) -> Iterator[str]:
    """Yield more true sentences than a scene has captions."""
    listed = [_a(f"{thing.color} {thing.kind}") for thing in things]
    yield f"{_NUMBERS[len(things)].capitalize()} things move: {', '.join(listed[:-1])} and {listed[-1]}."
    yield f"The background is {scene.tone}."
    sound = _SOUNDS[scene.sounds[0].timbre.material]
    if scene.sounding is None:
        yield f"What sounds like {sound} is outside the picture."
        yield "Nothing that is seen makes a sound."
    else:
        heard = things[scene.sounding]
        yield f"{_a(f'{heard.color} {heard.kind}').capitalize()} sounds like {sound}."
        yield f"{_a(heard.kind).capitalize()} is heard that strikes {_a(f'{heard.bar_color} bar')}."
    for left, right in _side_by_side(things):
        yield f"{_a(f'{left.color} {left.kind}').capitalize()} is left of {_a(f'{right.color} {right.kind}')}."
    for thing in things:
        yield f"{_a(f'{thing.color} {thing.kind}').capitalize()} strikes {_a(f'{thing.bar_color} bar')}."


def _narrations(scene: Scene, things: list[_Thing]) -> list[Text]:
    """Return what happens, in the order of time: every strike of a thing that is seen, and of what is heard from outside."""
    heard = scene.sounding
    found = [
        (float(time), f"the {thing.color} {thing.kind} strikes{' and is heard' if place == heard else ''}")
        for place, (thing, striker) in enumerate(zip(things, scene.strikers, strict=True))
        for time in striker.strikes
    ]
    if heard is None:
        found += [(float(time), "something strikes outside the picture and is heard") for time in scene.strike_seconds]
    return [
        Text(role="narration", text=text, start_seconds=time, end_seconds=time)
        for time, text in sorted(found)
        if 0 <= time < scene.seconds
    ]


def _tags(scene: Scene, things: list[_Thing], noise: float, chance: np.random.Generator) -> list[str]:
    true = dict.fromkeys(name for thing in things for name in (thing.kind, thing.color))
    tags = [*true, scene.sounds[0].timbre.material, scene.tone, *([_OFF_SCREEN] if scene.off_screen else [])]
    wrong = [name for name in TAGS if name not in tags]
    return [wrong[int(chance.integers(len(wrong)))] if chance.random() < noise else tag for tag in tags]


def _questions(scene: Scene, things: list[_Thing]) -> Iterator[tuple[str, str]]:
    """Yield questions with the only answer that is true."""
    yield "How many things move?", _NUMBERS[len(things)]
    for kind in KINDS:
        yield f"How many {kind}s are there?", _NUMBERS[sum(thing.kind == kind for thing in things)]
    heard = None if scene.sounding is None else things[scene.sounding]
    yield (
        "What is heard most clearly?",
        "something outside the picture" if heard is None else f"the {heard.color} {heard.kind}",
    )
    yield "What does it sound like?", _SOUNDS[scene.sounds[0].timbre.material]
    alone = [thing for thing in things if sum(other.kind == thing.kind for other in things) == 1]
    for thing in alone:
        yield f"What color is the {thing.kind}?", thing.color
    named = [(left, right) for left, right in _side_by_side(things) if left in alone and right in alone]
    for left, right in named:
        yield f"Is the {left.kind} left or right of the {right.kind}?", "left"
        yield f"Is the {right.kind} left or right of the {left.kind}?", "right"


def _side_by_side(things: list[_Thing]) -> Iterator[tuple[_Thing, _Thing]]:
    """Yield the pairs of things of which the first stands clearly left of the second."""
    ordered = sorted(things, key=operator.attrgetter("middle"))
    for place, left in enumerate(ordered):
        for right in ordered[place + 1 :]:
            if right.middle - left.middle > _APART:
                yield left, right


def _a(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
