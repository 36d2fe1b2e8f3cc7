"""`--classes`: which labels are kept; `kinetics-sounds` stands for the classes of Kinetics that are heard as well as seen."""

from collections.abc import Sequence

from datasets.sources.source import Source
from infra.errors import InputError

KINETICS_SOUNDS = "kinetics-sounds"
# Arandjelovic and Zisserman, "Look, Listen and Learn" (ICCV 2017), under the names of Kinetics-400 as it was published.
_SETS = {
    KINETICS_SOUNDS: (
        "blowing nose",
        "blowing out candles",
        "bowling",
        "chopping wood",
        "dribbling basketball",
        "laughing",
        "mowing lawn",
        "playing accordion",
        "playing bagpipes",
        "playing bass guitar",
        "playing clarinet",
        "playing drums",
        "playing guitar",
        "playing harmonica",
        "playing keyboard",
        "playing organ",
        "playing piano",
        "playing saxophone",
        "playing trombone",
        "playing trumpet",
        "playing violin",
        "playing xylophone",
        "ripping paper",
        "shoveling snow",
        "shuffling cards",
        "singing",
        "stomping grapes",
        "tap dancing",
        "tapping guitar",
        "tapping pen",
        "tickling",
    )
}


def keep_classes(sources: Sequence[Source], classes: Sequence[str], *, place: str) -> list[Source]:
    """Return the sources of some labels, or all where none are named.

    Raises:
        InputError: If a class is the label of no source, or none of a set of classes is.
    """
    if not classes:
        return list(sources)
    found = {source.label for source in sources}
    unknown = next((name for name in classes if found.isdisjoint(_labels(name))), None)
    if unknown is not None:
        names = ", ".join(sorted(name for name in found if name))
        raise InputError(f"--classes: '{unknown}' is not in '{place}'; choose from {names}")
    kept = {label for name in classes for label in _labels(name)}
    return [source for source in sources if source.label in kept]


def _labels(name: str) -> tuple[str, ...]:
    return (name, *_SETS.get(name, ()))
