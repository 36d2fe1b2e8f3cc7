"""What training and evaluation say at their end."""

from typing import Any

from infra.tracking import has_server, ui_command, ui_page
from workflows.train.fit import FitResult


def describe_result(result: FitResult) -> str:
    """Return a few lines on a finished or stopped run."""
    metrics = result.metrics
    lines = [f"best epoch {int(metrics['epoch']) + 1}, by how far it beats its best shortcut"]
    for name in ("sync", "audio_only", "video_only", "swapped_source"):
        value = metrics.get(f"validation/{name}_accuracy")
        if value is not None:
            lines.append(f"  validation {name + '_accuracy':<26}{value:.3f}")
    if not result.finished:
        lines.append(f"stopped early: go on with --resume {result.run_folder.rsplit('/', 1)[-1]}")
    lines += [f"model    {result.model_uri}  {result.model_folder}", f"run      {result.run_id}  {result.run_folder}"]
    return "\n".join([*lines, describe_comparison()])


def describe_comparison() -> str:
    """Return the command that compares the runs, where no server does, and the page to open."""
    opened = f"open     {ui_page()}"
    return opened if has_server() else f"compare  {ui_command()}\n{opened}"


def describe_report(report: dict[str, Any]) -> str:
    """Return the numbers of a report, each beside what it must be read against."""
    rows = [
        ("sync accuracy", _with_interval(report, "sync_accuracy"), "chance 0.5"),
        ("  sound alone", f"{report['audio_only_accuracy']:.3f}", "0.5 by construction"),
        ("  picture alone", f"{report['video_only_accuracy']:.3f}", "0.5 by construction"),
        (
            "  another video's sound",
            _with_interval(report, "swapped_source_accuracy"),
            "0.5 unless clocks are matched",
        ),
    ]
    if "pointing_accuracy" in report:
        for name, title in (
            ("pointing", "pointing game"),
            ("ciou50", "cIoU at 0.5"),
            ("auc", "AUC"),
            ("ciou50_adaptive", "cIoU at 0.5, box's area"),
            ("auc_adaptive", "AUC, box's area"),
        ):
            key = "pointing_accuracy" if name == "pointing" else name
            against = f"centered disk {report[f'{name}_centre_disk']:.3f}, perfect map {report[f'{name}_ceiling']:.3f}"
            rows.append((title, f"{report[key]:.3f}", against))
    if "off_screen_abstention" in report:
        rows.append(
            (
                "silent on off-screen sound",
                f"{report['off_screen_abstention']:.3f}",
                f"on-screen {report['on_screen_abstention']:.3f}",
            )
        )
    return "\n".join(f"{title:<28}{value:<24}{against}" for title, value, against in rows)


def _with_interval(report: dict[str, Any], name: str) -> str:
    if f"{name}_ci95" not in report:
        return "needs another recording"
    low, high = report[f"{name}_ci95"]
    return f"{report[name]:.3f}  [{low:.3f}, {high:.3f}]"
