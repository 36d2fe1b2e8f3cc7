"""What is true of a wild scene, in words: what is heard, and whether it is seen.

What is seen beside it is not told: it may be hidden, too small or too dark to be made out.
"""

import numpy as np

from datasets.scenes.picture import KINDS
from datasets.scenes.sound import MATERIALS
from datasets.scenes.wild.scene import WildScene
from datasets.scenes.wild.sustained import MOTIONS
from datasets.sources.source import Text

_OFF_SCREEN = "off screen"
_SOUNDS = {
    "speech": "a voice",
    "strings": "bowed strings",
    "rubbing": "rubbing",
    "engine": "an engine",
    "water": "running water",
    "wood": "wood that is struck",
    "metal": "metal that is struck",
    "drum": "a drum",
    "clap": "claps",
}
TAGS = tuple(dict.fromkeys(("head", *KINDS, *MOTIONS, *MATERIALS, *_SOUNDS, _OFF_SCREEN)))
"""All that a wild scene may be tagged with."""


def describe_wild(scene: WildScene, *, tag_noise: float = 0.0) -> list[Text]:
    """Return what is true of a wild scene: captions, tags, questions and answers.

    Args:
        scene: a drawn scene.
        tag_noise: probability with which each tag is replaced by a wrong one.
    """
    chance = np.random.default_rng((scene.seed, 5))
    sounds = list(dict.fromkeys(_SOUNDS[thing.material] for thing in scene.cast.heard))
    heard = " and ".join(sounds)
    verb = "are" if len(sounds) > 1 or heard.endswith("s") else "is"
    words = [Text(role="caption", text=f"{heard[0].upper()}{heard[1:]} {verb} heard.")]
    words += [Text(role="question", text="What does it sound like?"), Text(role="answer", text=heard)]
    seen = [thing for thing, _ in scene.boxes]
    if len(seen) in (0, len(scene.cast.heard)):
        place = "in" if seen else "outside"
        words += [
            Text(role="caption", text=f"What is heard is {place} the picture."),
            Text(role="question", text="Is what is heard in the picture?"),
            Text(role="answer", text="yes" if seen else "no"),
        ]
    tags = [thing.material for thing in scene.cast.heard] + [thing.kind for thing in seen]
    tags = list(dict.fromkeys(tags if seen else [*tags, _OFF_SCREEN]))
    wrong = [name for name in TAGS if name not in tags]
    for tag in tags:
        shown = wrong[int(chance.integers(len(wrong)))] if chance.random() < tag_noise else tag
        words.append(Text(role="tag", text=shown))
    return words
