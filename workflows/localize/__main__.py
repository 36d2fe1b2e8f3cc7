"""Localize the sound source in videos, and draw it over them.

python -m workflows.localize --model models:/multisensory@champion --video FILE... --output DIR
"""

import dataclasses
import sys

from datasets.preparation.accounts import describe_left_out
from infra import storage
from infra.errors import InputError
from infra.outputs import output_stems, writing
from workflows.cli import command
from workflows.evaluators import localization
from workflows.localize.maps import MapKind, map_video
from workflows.localize.overlay import ENDINGS, write_outputs
from workflows.trained.clips import fit_to_clips
from workflows.trained.model import Model, loaded


def localize(
    model: str,
    video: tuple[str, ...],
    output: str,
    kind: MapKind = "signed",
    threshold: float = 0.5,
    clip_seconds: float | None = None,
    frame_rate: float | None = None,
) -> None:
    """Localize the sound of videos of any length.

    Args:
        model: models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID, or a folder.
        video: Video files.
        output: Folder for an MP4, a PNG, an NPZ and a JSON file each.
        kind: Map to draw: the signed evidence, or its contrast with the sound of another moment. The NPZ file holds the signed map, and the
            contrast where asked for; published systems display the absolute value, `np.abs` of the signed map.
        threshold: A frame shows a source if the model's probability that sound and picture are in sync is above this.
        clip_seconds: Length of the windows, if not that of the clips trained on; for models that read clips of any length.
        frame_rate: Frames per second, if not that of the clips trained on; for models that read clips of any frame rate.
    """
    if not video:
        raise InputError("--video: empty; give one or more video files")
    if not 0 < threshold < 1:
        raise InputError(f"--threshold: {threshold:g} is not between 0 and 1; give a probability, such as 0.5")
    folder = storage.resolve(output, field="--output")
    if storage.is_remote(folder):
        raise InputError(f"--output: '{folder}' is in S3; overlays are written to a local folder")
    failed = []
    paths = [storage.resolve(name, field="--video") for name in video]
    stems = output_stems(paths)
    with loaded(model) as found, writing(folder, [f"{stem}{ending}" for stem in stems for ending in ENDINGS]):
        found.refuse_without(localization.NEEDS, verb="localize")
        found = _fitted(found, clip_seconds=clip_seconds, frame_rate=frame_rate)
        for path, stem in zip(paths, stems, strict=True):
            try:
                maps = map_video(found, path, kind=kind)
                outputs = write_outputs(maps, path, folder, stem=stem, threshold=threshold)
            except InputError as error:
                failed.append(str(error))
                continue
            left_out = describe_left_out(maps.left_out)
            print(
                f"{outputs['overlay']}  source found in {outputs['source_found_share']:.0%} of frames"
                + (f"; left out: {left_out}" if left_out else "")
            )
    for message in failed:
        print(f"error: {message}", file=sys.stderr)
    if failed:
        sys.exit(2)


def _fitted(model: Model, **wanted: float | None) -> Model:
    """Return the model for windows of the length and the frame rate that were asked for."""
    given = {name: value for name, value in wanted.items() if value is not None}
    options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
    return fit_to_clips(
        model,
        dataclasses.replace(model.preparation, **given),
        given=f"{options}: the window",
        remedy="leave the option out, or give a model that reads any",
    )


def main() -> None:
    """Parse the command line and localize."""
    command.parse(localize)


if __name__ == "__main__":
    command.run(main)
