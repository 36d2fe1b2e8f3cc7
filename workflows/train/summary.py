"""What training says at its end."""

from infra.tracking import Run, describe_page
from workflows.train.fit import FitResult


def describe_result(result: FitResult, *, objective: str, resume: str) -> str:
    """Return a few lines on a finished or stopped run.

    Args:
        result: what came out of the run.
        objective: title of the recipe's objective, by which the epoch was chosen.
        resume: command that goes on with a stopped run.
    """
    metrics = result.metrics
    validated = any(name.startswith("validation/") for name in metrics)
    lines = [
        f"{'best' if validated else 'last'} epoch {int(metrics['epoch']) + 1}, "
        + (f"by {objective}" if validated else "not validated")
    ]
    for name, value in metrics.items():
        if name.startswith("validation/"):
            shown = f"{value:.3f}" if value == value else "not measured"
            lines.append(f"  validation {name.removeprefix('validation/'):<28}{shown}")
    if not result.finished:
        lines += ["stopped before its end, with a checkpoint; go on with", f"  {resume}"]
    lines += [
        f"model    {result.model_uri or f'not registered ({result.why_not_registered})'}  {result.model_folder}",
        f"run      {result.run_id}  {result.run_folder}",
        describe_page(Run(result.run_id)),
    ]
    return "\n".join(lines)
