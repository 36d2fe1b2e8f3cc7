"""Localize the sound source in videos, and draw it over them.

python -m workflows.localize --model models:/multisensory@champion --video talk.mp4 street.mp4 --output maps
python -m workflows.localize --model runs/first/model --video talk.mp4 --output maps --kind contrast
"""

import sys
from typing import Literal

from infra import storage
from infra.errors import InputError
from workflows.cli import command


def localize(
    model: str,
    video: tuple[str, ...],
    output: str,
    kind: Literal["signed", "contrast"] = "signed",
    threshold: float = 0.5,
    clip_seconds: float | None = None,
    frame_rate: float | None = None,
    num_workers: int = 0,
    use_gpu: bool = False,
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
        num_workers: Workers of a Ray cluster among which the videos are spread; 0 works in this process, without Ray.
        use_gpu: One GPU a worker.
    """
    from workflows.evaluate.spread import spread_over
    from workflows.localize.videos import localize_videos

    if not video:
        raise InputError("--video: empty; give one or more video files")
    if not 0 < threshold < 1:
        raise InputError(f"--threshold: {threshold:g} is not between 0 and 1; give a probability, such as 0.5")
    folder = storage.resolve(output, field="--output")
    if storage.is_remote(folder):
        raise InputError(f"--output: '{folder}' is in S3; overlays are written to a local folder")
    paths = [storage.resolve(name, field="--video") for name in video]
    wanted = {"clip_seconds": clip_seconds, "frame_rate": frame_rate}
    windows = {name: value for name, value in wanted.items() if value is not None}
    how = {"kind": kind, "threshold": threshold, "windows": windows}
    with spread_over(model, num_workers, use_gpu=use_gpu) as spread:
        failed = localize_videos(model, paths, folder, **how, say=print, spread=spread)
    for message in failed:
        print(f"error: {message}", file=sys.stderr)
    if failed:
        sys.exit(2)


def main() -> None:
    """Parse the command line and localize."""
    command.parse(localize)


if __name__ == "__main__":
    command.run(main)
