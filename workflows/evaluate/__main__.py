"""Evaluate a model on held-out clips: its recipe's figures, each beside what it must be read against.

python -m workflows.evaluate --model models:/multisensory@champion --data DATASET
python -m workflows.evaluate --model runs/first/model --data DATASET --split validation --classes ball hammer
"""

from datasets.reading.selection import Selection, SplitName
from infra import storage
from infra.outputs import writing
from workflows.cli import command


def evaluate(
    model: str,
    data: str,
    split: SplitName = "test",
    classes: tuple[str, ...] = (),
    folds: tuple[int, ...] = (),
    output: str | None = None,
    num_workers: int = 0,
    use_gpu: bool = False,
) -> None:
    """Evaluate a model.

    Args:
        model: models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID, or a folder.
        data: Dataset that workflows.prepare made.
        split: Which clips.
        classes: Only these labels.
        folds: Only these official folds; with --split all where folds and splits are unrelated.
        output: Folder for report.json and plots; evaluations/DATASET-SPLIT in that of the model's run if not given.
        num_workers: Workers of a Ray cluster among which the clips are spread; 0 evaluates in this process, without Ray.
        use_gpu: One GPU a worker.
    """
    from infra.tracking import describe_page, find_run
    from workflows.evaluate.record import new_folder, record_evaluation
    from workflows.evaluate.report import describe_report, evaluate_model
    from workflows.evaluate.spread import spread_over
    from workflows.trained.card import REPORT
    from workflows.trained.model import loaded

    dataset = storage.resolve(data, field="--data")
    with loaded(model) as found:
        run = find_run(found.run_id)
        parent = storage.resolve((run.tag("run_folder") if run else None) or "", field="--output")
        folder = (
            storage.resolve(output, field="--output") if output else new_folder(parent, dataset=dataset, split=split)
        )
        with writing(folder, [REPORT]):
            selection = Selection(classes=classes, folds=folds)
            with spread_over(model, num_workers, use_gpu=use_gpu) as spread:
                collect = spread and spread.collect
                report = evaluate_model(found, dataset=dataset, split=split, selection=selection, collect=collect)
            made = record_evaluation(report, folder, trained_by=run)
    print(describe_report(report))
    print(f"report   {storage.join(folder, REPORT)}")
    if made is not None:
        print(describe_page(made))


def main() -> None:
    """Parse the command line and evaluate."""
    command.parse(evaluate)


if __name__ == "__main__":
    command.run(main)
