"""Localize in many videos: maps and overlays of each; one that cannot be read stops no other."""

import dataclasses
from typing import Any

from datasets.preparation.accounts import describe_left_out
from infra.errors import InputError
from infra.outputs import writing
from infra.progress import Say
from workflows.evaluators import localization
from workflows.localize.maps import MapKind, map_video, output_stems
from workflows.localize.overlay import ENDINGS, write_outputs
from workflows.trained.clips import fit_to_clips
from workflows.trained.model import Model, loaded


def localize_videos(
    model: str, paths: list[str], folder: str, *, kind: MapKind, threshold: float, windows: dict[str, Any], say: Say
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
    """
    failed, stems = [], output_stems(paths)
    with loaded(model) as found, writing(folder, [f"{stem}{ending}" for stem in stems for ending in ENDINGS]):
        found.refuse_without(localization.NEEDS, verb="localize")
        found = _fitted(found, windows)
        for path, stem in zip(paths, stems, strict=True):
            try:
                maps = map_video(found, path, kind=kind)
                outputs = write_outputs(maps, path, folder, stem=stem, threshold=threshold)
            except InputError as error:
                failed.append(str(error))
                continue
            left_out = describe_left_out(maps.left_out)
            say(
                f"{outputs['overlay']}  source found in {outputs['source_found_share']:.0%} of frames"
                + (f"; left out: {left_out}" if left_out else "")
            )
    return failed


def _fitted(model: Model, windows: dict[str, Any]) -> Model:
    """Return the model for windows of the length and the frame rate that were asked for."""
    options = ", ".join(f"--{name.replace('_', '-')}" for name in windows)
    return fit_to_clips(
        model,
        dataclasses.replace(model.preparation, **windows),
        given=f"{options}: the window",
        remedy="leave the option out, or give a model that reads any",
    )
