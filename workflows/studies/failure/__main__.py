"""Study of the published audio-only failure: the same network trained on pairs and on rolled sound, evaluated at checkpoints.

python -m workflows.studies.failure --output runs/failure
python -m workflows.studies.failure --output runs/short --num-videos 60 --steps 300

The results and what they mean are in docs/the-audio-only-mystery.md.
"""

from pathlib import Path

from infra.errors import InputError
from workflows.cli import command

_NUM_VISITS = 8
_FEWEST_VIDEOS = 60


def failure(
    output: str = "runs/failure",
    num_videos: int = 600,
    steps: int = 3000,
    figures: str | None = None,
    clip: int = 0,
    seed: int = 0,
) -> None:
    """Train on pairs, on rolled sound, and on rolled sound from the head of files with audible priming; draw accuracy and maps by checkpoint.

    Args:
        output: Where the datasets and the results go; a finished training is kept.
        num_videos: Number of synthetic scenes.
        steps: Steps of each training, of 32 examples.
        figures: Another folder for the figures.
        clip: Which of eight held-out clips the map figure shows.
        seed: Seed of scenes, weights and order.
    """
    from infra import cluster, storage
    from workflows.studies.failure.scene_sets import SETS, prepare_sets
    from workflows.studies.failure.story import NUM_SHOWN, Story, tell
    from workflows.studies.tasks import local_folder, run_all

    if num_videos < _FEWEST_VIDEOS:
        raise InputError(f"--num-videos: {num_videos} is too few to hold some out; give {_FEWEST_VIDEOS} or more")
    if steps < _NUM_VISITS:
        raise InputError(f"--steps: {steps} is too few for {_NUM_VISITS} checkpoints; give more")
    if not 0 <= clip < NUM_SHOWN:
        raise InputError(f"--clip: {clip} is none of the {NUM_SHOWN} clips; give a number from 0 to {NUM_SHOWN - 1}")
    folder = local_folder(output)
    results = storage.join(folder, "results")
    visits = tuple(round(steps * (number + 1) / _NUM_VISITS) for number in range(_NUM_VISITS))
    with cluster.running(object_store_mb=200):
        sets = prepare_sets(folder, num_videos=num_videos, seed=seed)
        todo = [name for name in SETS if not storage.exists(storage.join(results, f"{name}.json"))]
        stories = [
            Story(
                name=name,
                dataset=sets[name][0],
                config=sets[name][1],
                honest=sets["pairs"][0],
                folder=results,
                visits=visits,
                seed=seed,
            )
            for name in todo
        ]
        run_all(tell, [(story,) for story in stories], stage="trainings")
    _conclude(results, Path(figures or folder), clip)


def _conclude(results: str, place: Path, clip: int) -> None:
    """Draw the figures and print the table."""
    import numpy as np

    from infra import storage
    from workflows.studies.failure.plots import draw_maps, draw_story
    from workflows.studies.failure.scene_sets import SETS

    stories = {name: storage.read_json(storage.join(results, f"{name}.json")) for name in SETS}
    arrays = {name: dict(np.load(storage.join(results, f"{name}.npz"))) for name in SETS}
    place.mkdir(parents=True, exist_ok=True)
    draw_story(stories, place / "failure.png")
    draw_maps(arrays, stories, place / "failure-maps.png", clip=clip)
    print(_table(stories))
    print(f"figures  {place / 'failure.png'} {place / 'failure-maps.png'}")


def _table(stories: dict) -> str:
    keys = (
        "own_accuracy",
        "own_sound_only",
        "sync_accuracy",
        "pointing_accuracy",
        "flatness",
        "frame_swap_correlation",
    )
    lines = [
        f"| trained on | step | {' | '.join(key.replace('_', ' ') for key in keys)} |",
        f"|{'---|' * (len(keys) + 2)}",
    ]
    for name, story in stories.items():
        for point in story["points"]:
            lines.append(f"| {name} | {point['step']} | {' | '.join(f'{point[key]:.3f}' for key in keys)} |")
    last = {name: story["points"][-1]["by_class"] for name, story in stories.items()}
    lines += ["", f"| class | {' | '.join(last)} |", f"|{'---|' * (len(last) + 1)}"]
    for label in last["pairs"]:
        values = [f"{by_class[label]:.3f}" for by_class in last.values()]
        lines.append(f"| {label} | {' | '.join(values)} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line and run the study."""
    command.parse(failure)


if __name__ == "__main__":
    command.run(main)
