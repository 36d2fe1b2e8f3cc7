"""Study of shortcuts: how well sound alone predicts labels made by shifting it, for fourteen ways to make them, in five folds.

python -m workflows.studies.shortcuts --sounds ESC10 VIDEOS --output runs/shortcuts
python -m workflows.studies.shortcuts --output runs/drawn --cells roll

The results and what they mean are in docs/the-audio-only-mystery.md. Finished cells are kept: the same command continues.
"""

from pathlib import Path

from infra.errors import InputError
from workflows.cli import command


def shortcuts(
    sounds: tuple[str, ...] = (),
    output: str = "runs/shortcuts",
    num_scenes: int = 2200,
    cells: tuple[str, ...] = (),
    steps: int = 500,
    figures: str | None = None,
    seed: int = 0,
) -> None:
    """Train audio-only networks on labels made in fourteen ways; report the accuracy of each on held-out recordings.

    Args:
        sounds: Folders of recordings, the real sound; without any, synthetic scenes only.
        output: Where each cell's result, the table and the figures go.
        num_scenes: Number of synthetic scenes.
        cells: Only these cells, by name; all if none are named.
        steps: Steps of each training, of 64 clips; long cells take three times as many.
        figures: Another folder for the figures.
        seed: Seed of windows, labels and networks.
    """
    from infra import cluster, storage
    from workflows.studies.shortcuts.cell_run import SOUNDS, Study, run_cell
    from workflows.studies.shortcuts.cells import CELLS, LONG_CELLS
    from workflows.studies.shortcuts.listening import NUM_POINTS
    from workflows.studies.shortcuts.results import result_file
    from workflows.studies.tasks import local_folder, run_all

    if num_scenes < 50:
        raise InputError(f"--num-scenes: {num_scenes} is too few for five folds; give 50 or more")
    if steps < NUM_POINTS:
        raise InputError(f"--steps: {steps} is too few for {NUM_POINTS} points of the curve; give {NUM_POINTS} or more")
    by_name = {cell.name: cell for cell in (*CELLS, *LONG_CELLS)}
    wanted = [command.choose(by_name, name, option="--cells") for name in cells] or list(by_name.values())
    folder = local_folder(output)
    places = tuple(storage.resolve(place, field="--sounds") for place in sounds)
    missing = [place for place in places if not storage.exists(place)]
    if missing:
        raise InputError(f"--sounds: '{missing[0]}' does not exist; give folders of recordings")
    study = Study(places=places, output=folder, num_scenes=num_scenes, steps=steps, seed=seed)
    chosen = [sound for sound in SOUNDS if places or sound == "synthetic"]
    todo = [
        (sound, cell) for cell in wanted for sound in chosen if not storage.exists(result_file(folder, sound, cell))
    ]
    with cluster.running(object_store_mb=200):
        run_all(run_cell, [(study, sound, cell) for sound, cell in todo], stage="cells")
    _conclude(folder, chosen, Path(figures or folder))


def _conclude(folder: str, sounds: list[str], place: Path) -> None:
    """Write table and figures of what is done, log both, and print the table."""
    from infra import storage
    from infra.tracking import ending, start_run
    from workflows.studies.shortcuts.results import draw_accuracies, draw_curves, read_results, table

    results = read_results(folder, sounds)
    storage.write_bytes(storage.join(folder, "table.md"), table(results).encode())
    place.mkdir(parents=True, exist_ok=True)
    drawn = [place / name for name in ("shortcuts.png", "shortcuts-long.png")]
    draw_accuracies(results, drawn[0])
    draw_curves(results, drawn[1])
    run = start_run("shortcuts", name=Path(folder).name, tags={"stage": "study"})
    with ending(run):
        for path in (storage.join(folder, "table.md"), *drawn):
            run.log_artifact(path)
        run.log_metrics(
            {
                f"{sound}/{name.replace(',', '')}": result["accuracy"]["value"]
                for sound, by_cell in results.items()
                for name, result in by_cell.items()
            }
        )
    print(table(results), end="")
    print(f"figures  {drawn[0]} {drawn[1]}")


def main() -> None:
    """Parse the command line and run the study."""
    command.parse(shortcuts)


if __name__ == "__main__":
    command.run(main)
