"""Localize in many videos: maps and overlays of each; one that cannot be read stops no other."""

import dataclasses
from typing import Any

from datasets.preparation.accounts import describe_left_out
from infra.errors import InputError
from infra.outputs import output_stems, writing
from infra.progress import Say
from workflows.evaluate.spread import Spread
from workflows.evaluators import localization
from workflows.localize.maps import MapKind, map_video
from workflows.localize.overlay import ENDINGS, write_outputs
from workflows.trained.clips import fit_to_clips
from workflows.trained.model import Model, loaded


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Video:
    """A video to localize in, and how."""

    path: str
    stem: str
    """What the names of its outputs begin with."""
    folder: str
    kind: MapKind
    threshold: float
    windows: dict[str, Any]
    """Fields of preparation in which the windows differ from the clips that the model was trained on."""


def localize_videos(
    model: str,
    paths: list[str],
    folder: str,
    *,
    kind: MapKind,
    threshold: float,
    windows: dict[str, Any],
    say: Say,
    spread: Spread | None = None,
) -> list[str]:
    """Write the maps of videos; return what was wrong with those that failed.

    Args:
        model: URI of the model.
        paths: the videos.
        folder: where the outputs go.
        kind: map to draw.
        threshold: probability above which a frame shows a source.
        windows: fields of preparation in which the windows differ from the clips that the model was trained on.
        say: is told of each video that is done.
        spread: workers among which the videos are spread; this process if not given.
    """
    failed, stems = [], output_stems(paths)
    videos = [
        Video(path=path, stem=stem, folder=folder, kind=kind, threshold=threshold, windows=windows)
        for path, stem in zip(paths, stems, strict=True)
    ]
    with loaded(model) as found, writing(folder, [f"{stem}{ending}" for stem in stems for ending in ENDINGS]):
        found.refuse_without(localization.NEEDS, verb="localize")
        _fitted(found, windows)
        done = spread.map(_localize, videos, name="localizing") if spread else (_localize(found, v) for v in videos)
        for line, wrong in done:
            if wrong:
                failed.append(wrong)
            else:
                say(line)
    return failed


def _localize(model: Model, video: Video) -> tuple[str, str]:
    """Write the outputs of a video; return what is said of it, and what was wrong with it."""
    try:
        maps = map_video(_fitted(model, video.windows), video.path, kind=video.kind)
        outputs = write_outputs(maps, video.path, video.folder, stem=video.stem, threshold=video.threshold)
    except InputError as error:
        return "", str(error)
    left_out = describe_left_out(maps.left_out)
    said = f"{outputs['overlay']}  source found in {outputs['source_found_share']:.0%} of frames"
    return said + (f"; left out: {left_out}" if left_out else ""), ""


def _fitted(model: Model, windows: dict[str, Any]) -> Model:
    """Return the model for windows of the length and the frame rate that were asked for."""
    options = ", ".join(f"--{name.replace('_', '-')}" for name in windows)
    return fit_to_clips(
        model,
        dataclasses.replace(model.preparation, **windows),
        given=f"{options}: the window",
        remedy="leave the option out, or give a model that reads any",
    )
