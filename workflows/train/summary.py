"""What training says at its end."""

from infra.tracking import has_server, ui_command, ui_page
from workflows.train.fit import FitResult


def describe_result(result: FitResult, *, objective: str) -> str:
    """Return a few lines on a finished or stopped run.

    Args:
        result: what came out of the run.
        objective: title of the recipe's objective, by which the epoch was chosen.
    """
    metrics = result.metrics
    lines = [f"best epoch {int(metrics['epoch']) + 1}, by {objective}"]
    for name, value in metrics.items():
        if name.startswith("validation/") and value == value:
            lines.append(f"  validation {name.removeprefix('validation/'):<28}{value:.3f}")
    if not result.finished:
        lines.append(f"stopped early: go on with --resume {result.run_folder.rsplit('/', 1)[-1]}")
    lines += [
        f"model    {result.model_uri or 'not registered'}  {result.model_folder}",
        f"run      {result.run_id}  {result.run_folder}",
    ]
    return "\n".join([*lines, describe_comparison()])


def describe_comparison() -> str:
    """Return the command that compares the runs, where no server does, and the page to open."""
    opened = f"open     {ui_page()}"
    return opened if has_server() else f"compare  {ui_command()}\n{opened}"
