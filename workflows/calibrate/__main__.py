"""Calibrate a model's probabilities on recordings of another kind than it was trained on; its weights stay as they are.

python -m workflows.calibrate --model models:/coincidence@champion --data FILM
python -m workflows.calibrate --model models:/coincidence@champion --data FILM --split all --run-name on-film
"""

from datasets.reading.selection import SplitName
from infra import storage
from workflows.cli import command


def calibrate(model: str, data: str, split: SplitName = "validation", run_name: str | None = None) -> None:
    """Fit scale and offset of a model's evidence, and register the result as a new version of the model.

    The printed error is cross-fitted: each recording is judged by a calibration that was fitted on others. Evaluate the new version on
    another split than this one: on this one, its report says that it was calibrated there.

    Args:
        model: models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID, or a folder.
        data: Dataset that workflows.prepare made.
        split: Which clips are fitted to.
        run_name: Name of the run and its folder below runs/.
    """
    from workflows.calibrate.fitting import calibrate_model

    calibrate_model(model, storage.resolve(data, field="--data"), split=split, run_name=run_name)


def main() -> None:
    """Parse the command line and calibrate."""
    command.parse(calibrate)


if __name__ == "__main__":
    command.run(main)
