"""A model's card: what it is, what it learned from, how well it does, where it fails."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.tracking import Run, describe_versions
from workflows.trained.checkpoint import CONFIG

CARD = "card.md"
_NUM_WORST = 5
_Table = Mapping[str, Any]


def write_model_card(run: Run) -> None:
    """Write the card of a run's model from all that the run holds, to the run and to the versions registered from it."""
    names = [f"evaluation/{split}/report.json" for split in ("validation", "test", "train")]
    reports = {name.split("/")[1]: run.read_dict(name) for name in names if run.has_artifact(name)}
    text = describe_model(
        run.read_dict(f"model/{CONFIG}"),
        run.read_dict("dataset.json"),
        reports,
        code={"hash": run.tag("code_hash"), "commit": run.tag("commit")},
    )
    with tempfile.TemporaryDirectory() as place:
        Path(place, CARD).write_text(text)
        run.log_artifact(os.path.join(place, CARD), "model")
    describe_versions(run, text)


def describe_model(description: _Table, data_card: _Table, reports: Mapping[str, _Table], *, code: _Table) -> str:
    """Return the card as Markdown.

    Args:
        description: recipe, configuration and preparation that are saved with the weights.
        data_card: card of the dataset it was trained on.
        reports: reports of its evaluations, by split.
        code: version of the code that trained it.
    """
    sections = [
        f"# {description['recipe']}",
        _what(description),
        "## Data",
        _data(description, data_card),
        "## Figures",
        "\n\n".join(_figures(split, report) for split, report in sorted(reports.items()))
        or "Not evaluated: no held-out pairs.",
        "## Where it fails",
        _failures(data_card, reports),
        "## Made by",
        f"Code {code['hash']}" + (f", commit {code['commit']}" if code.get("commit") else "") + ".",
    ]
    return "\n\n".join(sections) + "\n"


def _what(description: _Table) -> str:
    clip = description["preparation"]
    config = description["config"]
    rate = clip["frame_rate"]
    return (
        f"Says whether sound and picture of a clip belong together, and where in the picture the sound comes from. Network "
        f"`{config['network']}`, seed {config['seed']}. It reads clips of {clip['clip_seconds']:g} s at {rate:g} frames and "
        f"{clip['sample_rate']} samples a second and sees {config['crop_size']} x {config['crop_size']} pixels. Trained without "
        "labels, on shifted sound. It does not identify people or judge whether a recording was tampered with."
    )


def _data(description: _Table, card: _Table) -> str:
    counts = card["splits"]["train"]
    lines = [
        f"- Dataset `{description['dataset']['uri'].rsplit('/', 1)[-1]}`, fingerprint `{card['fingerprint']}`",
        f"- Training: {counts['videos']} videos, {counts['pairs']} pairs; {card['hours']:.2f} hours in all splits",
        f"- {card['num_errors']} files or windows could not be used",
        f"- Audit for shortcuts: {_audit(card)}",
        *(f"- Licence {name}: {count} videos" for name, count in card.get("licenses", {}).items()),
    ]
    if not card.get("licenses"):
        lines.append("- Licences: not stated when the dataset was prepared (`--licenses`)")
    return "\n".join(lines)


def _audit(card: _Table) -> str:
    audit = card.get("audit", {})
    if not audit:
        return "not done"
    return audit["verdict"] if audit["fingerprint"] == card["fingerprint"] else "done before the dataset was changed"


def _figures(split: str, report: _Table) -> str:
    chosen = "; the epoch was chosen on this split" if split == "validation" else ""
    lines = [
        f"On {report['num_pairs']} pairs of {report['num_recordings']} recordings of the {split} split of `{report['dataset'].rsplit('/', 1)[-1]}`{chosen}:",
        "",
        "| | value | 95 % interval | to be read against |",
        "|---|---|---|---|",
        _row("sync accuracy", report, "sync_accuracy", "chance 0.5"),
        _row("sound alone", report, "audio_only_accuracy", "0.5 by construction"),
        _row("picture alone", report, "video_only_accuracy", "0.5 by construction"),
    ]
    if "swapped_source_accuracy" in report:
        lines.append(_row("another video's sound", report, "swapped_source_accuracy", "0.5 unless clocks are matched"))
    if "pointing_accuracy" in report:
        against = f"centered disk {report['pointing_centre_disk']:.3f}, perfect map {report['pointing_ceiling']:.3f}"
        lines.append(_row("pointing game", report, "pointing_accuracy", against))
    return "\n".join(lines)


def _row(title: str, report: _Table, name: str, against: str) -> str:
    interval = report.get(f"{name}_ci95")
    shown = "-" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
    return f"| {title} | {report[name]:.3f} | {shown} | {against} |"


def _failures(card: _Table, reports: Mapping[str, _Table]) -> str:
    lines = [
        f"- `{name or 'no label'}`: {row['accuracy']:.3f} [{row['ci95'][0]:.3f}, {row['ci95'][1]:.3f}] on {row['num_pairs']} pairs ({split})"
        for split, report in sorted(reports.items())
        for name, row in sorted(report["by_class"].items(), key=lambda item: item[1]["accuracy"])[:_NUM_WORST]
        if row["ci95"][0] <= 0.5 or row["accuracy"] < report["sync_accuracy"]
    ]
    lines += [
        f"- Sound from outside the picture: silent on {report['off_screen_abstention']:.3f} of such clips ({split})"
        for split, report in sorted(reports.items())
        if "off_screen_abstention" in report
    ]
    shortest = card["config"]["min_shift_seconds"]
    lines.append(
        f"- Sound and picture less than {shortest:g} s apart, talk off screen and music laid over a picture were not trained for."
    )
    return "\n".join(lines)
