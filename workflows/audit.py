"""Does a dataset give its labels away: to sound alone, to picture alone, to clocks, to copies across splits.

python -m workflows.audit --data DATASET
"""

from infra import storage
from infra.tracking import ending, start_run
from workflows import command
from workflows.auditing import audit_dataset, describe_audit, refuse_bad_input, write_audit
from workflows.console import ProgressLine


def audit(data: str, max_rows: int = 4000, null_scenes: int = 240) -> None:
    """Check a dataset for shortcuts; writes audit.json and audit.html beside it.

    Args:
        data: Dataset that workflows.prepare made.
        max_rows: About how many windows are looked at, spread over the files.
        null_scenes: Number of scenes with foreign sound that are sent down the dataset's path.
    """
    dataset = storage.resolve(data, field="--data")
    refuse_bad_input(dataset, max_rows=max_rows, null_scenes=null_scenes)
    progress = ProgressLine()
    run = start_run("audit", name=dataset.rsplit("/", 1)[-1], tags={"stage": "audit"})
    with ending(run):
        found = audit_dataset(dataset, max_rows=max_rows, null_scenes=null_scenes, progress=progress)
        page = write_audit(found, dataset, run)
    progress.close()
    print(describe_audit(found))
    print(f"page     {page}")


def main() -> None:
    """Parse the command line and audit."""
    command.parse(audit)


if __name__ == "__main__":
    command.run(main)
