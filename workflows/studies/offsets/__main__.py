"""Study of offsets: how well known ones are told, of drawn scenes and of film, with a model and without.

python -m workflows.studies.offsets --model models:/coincidence@champion --output runs/offsets
python -m workflows.studies.offsets --num-scenes 0 --film FOLDER --output runs/offsets

Film is taken to be in sync before its sound is moved. Docs: docs/offsets.md.
"""

from workflows.cli import command


def offsets(
    model: str | None = None,
    num_scenes: int = 200,
    film: tuple[str, ...] = (),
    shifts: int = 4,
    output: str = "runs/offsets",
    seed: int = 0,
) -> None:
    """Move sound by known amounts and report how well the amounts are told.

    Args:
        model: A coincidence model, asked beside the correlation of motion with loudness.
        num_scenes: Number of drawn scenes, each moved once; a tenth of as many are asked without sound, and without motion.
        film: Files or folders of film that is in sync.
        shifts: How often the sound of each film is moved.
        output: Folder for a table of all answers and the figures.
        seed: Seed of scenes and offsets.
    """
    from infra import storage
    from infra.errors import refuse_outside
    from workflows.studies.offsets.results import describe, figures_of
    from workflows.studies.offsets.trials import ask, film_trials, scene_trials
    from workflows.studies.tasks import local_folder

    refuse_outside("--num-scenes", num_scenes, 0, 100_000)
    refuse_outside("--shifts", shifts, 1, 1000)
    folder = local_folder(output)
    trials = [
        *scene_trials(folder, num_scenes=num_scenes, seed=seed),
        *film_trials(folder, film, shifts=shifts, seed=seed),
    ]
    answers = [answer for method in dict.fromkeys((None, model)) for answer in ask(trials, method)]
    figures = figures_of(answers)
    storage.write_json(storage.join(folder, "answers.json"), answers)
    storage.write_json(storage.join(folder, "figures.json"), figures)
    print(describe(figures))


def main() -> None:
    """Parse the command line and run the study."""
    command.parse(offsets)


if __name__ == "__main__":
    command.run(main)
