"""A model's accuracy and maps on held-out clips, each number beside what it must be read against.

python -m workflows.evaluate --model models:/multisensory@champion --data DATASET
"""

from typing import Literal

from infra import storage
from infra.tracking import find_run
from workflows.cli import command
from workflows.evaluate.report import evaluate_model, write_report
from workflows.train.summary import describe_report
from workflows.trained.model import loaded


def evaluate(
    model: str,
    data: str,
    recipe: str = "multisensory",
    split: Literal["train", "validation", "test"] = "test",
    classes: tuple[str, ...] = (),
    output: str | None = None,
) -> None:
    """Evaluate a model.

    Args:
        model: models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID, or a folder.
        data: Dataset that workflows.prepare made.
        recipe: Recipe that the model must be of.
        split: Which clips.
        classes: Only these labels.
        output: Folder for report.json and plots; that of the model's run if not given.
    """
    dataset = storage.resolve(data, field="--data")
    with loaded(model, recipe=recipe) as found:
        run = find_run(found.run_id)
        report = evaluate_model(found, dataset=dataset, split=split, classes=classes)
        place = output or (run.tag("run_folder") if run else None) or "evaluation"
        folder = storage.resolve(place, field="--output")
        write_report(report, folder, run)
    print(describe_report(report))
    if "caution" in report:
        print(f"caution: {report['caution']}")
    print(f"report   {storage.join(folder, 'report.json')}")


def main() -> None:
    """Parse the command line and evaluate."""
    command.parse(evaluate)


if __name__ == "__main__":
    command.run(main)
