"""Audit a dataset for label leaks, or a trained model for shortcuts.

python -m workflows.audit --data DATASET
python -m workflows.audit --data DATASET --model models:/multisensory@champion
"""

from infra import storage
from infra.outputs import writing
from workflows.cli import command
from workflows.cli.progress import ProgressLine


def audit(
    data: str,
    model: str | None = None,
    output: str | None = None,
    max_rows: int = 4000,
    null_scenes: int = 240,
) -> None:
    """Check a dataset for shortcuts; writes audit.json and audit.html beside it. With --model, check that model on the dataset instead.

    Args:
        data: Dataset that workflows.prepare made.
        model: models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID, or a folder.
        output: Folder for a model's audit.json and audit.html; that of its run if not given.
        max_rows: About how many windows are read, spread over the files.
        null_scenes: Number of synthetic scenes with unrelated sound that are prepared as the dataset was.
    """
    from infra.tracking import find_run
    from workflows.audit.dataset_checks import refuse_bad_input
    from workflows.audit.model_checks import MODEL_AUDIT, audit_model, write_model_audit
    from workflows.audit.page import describe_audit
    from workflows.evaluators import synchronization
    from workflows.trained.model import loaded

    dataset = storage.resolve(data, field="--data")
    refuse_bad_input(dataset, max_rows=max_rows, null_scenes=null_scenes)
    if model is None:
        found, page = _audit_dataset(dataset, max_rows, null_scenes)
    else:
        with loaded(model) as trained:
            trained.refuse_without(synchronization.NEEDS, verb="audit")
            run = find_run(trained.run_id)
            place = output or (run.tag("run_folder") if run else None) or "evaluation"
            folder = storage.resolve(place, field="--output")
            with writing(folder, MODEL_AUDIT):
                found = audit_model(trained, dataset, max_rows=max_rows)
                page = write_model_audit(found, folder, run)
    print(describe_audit(found))
    print(f"page     {page}")


def _audit_dataset(dataset: str, max_rows: int, null_scenes: int) -> tuple[dict, str]:
    from infra.ray_address import check_cluster
    from infra.tracking import ending, start_run
    from workflows.audit.dataset_checks import audit_dataset, write_audit

    check_cluster()
    progress = ProgressLine()
    run = start_run("audit", name=dataset.rsplit("/", 1)[-1], tags={"stage": "audit"})
    with ending(run):
        found = audit_dataset(dataset, max_rows=max_rows, null_scenes=null_scenes, progress=progress)
        page = write_audit(found, dataset, run)
    progress.close()
    return found, page


def main() -> None:
    """Parse the command line and audit."""
    command.parse(audit)


if __name__ == "__main__":
    command.run(main)
