"""A model's card: what it is, what it learned from, how well it does, where it fails."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets.tables.offsets import describe_screened
from infra.tracking import Run, describe_versions, find_runs, read_model_text, write_model_file
from workflows.contract.calibration import read_calibration
from workflows.contract.figure import Figure
from workflows.contract.registry import load_recipe
from workflows.trained.checkpoint import CONFIG

CARD, REPORT = "card.md", "report.json"
OWN_REPORT = f"evaluation/validation/{REPORT}"
"""What training itself found on the validation split, among its run's files."""
EVALUATED = "evaluates"
"""Tag of an evaluation's run: the run whose model it is of."""
_NUM_WORST = 5
_LIMITS = "Limits:"
_Table = Mapping[str, Any]


def write_model_card(run: Run) -> None:
    """Write the card of a run's model, from all that is known of it, into the model and to the versions registered from the run."""
    reports = [run.read_dict(OWN_REPORT)] if run.has_artifact(OWN_REPORT) else []
    reports += [report for _, report in find_reports(run)]
    text = describe_model(
        json.loads(read_model_text(run, CONFIG)),
        run.read_dict("dataset.json"),
        reports,
        code={"hash": run.tag("code_hash"), "commit": run.tag("commit")},
    )
    with tempfile.TemporaryDirectory() as place:
        Path(place, CARD).write_text(text)
        write_model_file(run, os.path.join(place, CARD))
    headline = run.tag("headline")
    describe_versions(run, f"{headline}\n\n{text}" if headline else text)


def find_reports(run: Run) -> list[tuple[Run, dict[str, Any]]]:
    """Return the latest evaluation of a run's model on each part of each dataset, with its report, by dataset and split."""
    latest: dict[tuple[str, ...], tuple[Run, dict[str, Any]]] = {}
    for each in find_runs(**{EVALUATED: run.run_id}):
        if each.has_artifact(REPORT):
            report = each.read_dict(REPORT)
            latest.setdefault(tuple(report[name] for name in ("dataset", "split", "part")), (each, report))
    return [latest[key] for key in sorted(latest)]


def describe_model(description: _Table, data_card: _Table, reports: Sequence[_Table], *, code: _Table) -> str:
    """Return the card as Markdown.

    Args:
        description: recipe, configuration and data that are saved with the weights.
        data_card: card of the dataset it was trained on.
        reports: reports of its evaluations.
        code: version of the code that trained it.
    """
    sections = [
        f"# {description['recipe']}",
        _what(description),
        "## Data",
        _data(description, data_card),
        "## Figures",
        "\n\n".join(_figures(report, description) for report in reports) or "Not evaluated: no held-out clips.",
        *_calibration(description),
        "## Where it fails",
        _failures(description, reports),
        "## Made by",
        f"Code {code['hash']}" + (f", commit {code['commit']}" if code.get("commit") else "") + ".",
    ]
    return "\n\n".join(sections) + "\n"


def _what(description: _Table) -> str:
    story = _paragraphs(description)
    data = next(iter(description["data"].values()))
    clip, columns = data["preparation"], data["columns"]
    parts = []
    if "frames" in columns:
        parts.append(f"{clip['frame_rate']:g} frames a second of {clip['size']} x {clip['size']} pixels")
    if {"waveform", "log_mel"} & set(columns):
        parts.append(f"sound at {clip['sample_rate']} Hz")
    reads = f"It reads clips of {clip['clip_seconds']:g} s: {' and '.join(parts)}." if parts else ""
    return f"{' '.join(story[:2])}\n\n{reads} Seed {description['config']['seed']}.".replace("  ", " ")


def _paragraphs(description: _Table) -> list[str]:
    """Return the paragraphs of the recipe's docstring."""
    text = load_recipe(description["recipe"]).__doc__ or ""
    return [" ".join(part.split()) for part in text.split("\n\n")]


def _data(description: _Table, card: _Table) -> str:
    counts = card["splits"]["train"]
    lines = [
        *(
            f"- Dataset `{part['uri'].rsplit('/', 1)[-1]}`{_stream(name, description)}, fingerprint `{part['fingerprint']}`"
            for name, part in description["data"].items()
        ),
        f"- Training: {counts['videos']} sources, {counts['rows']} clips; {card['hours']:.2f} hours in all splits",
        f"- {card['num_errors']} files or windows could not be used",
        *(f"- Screened by offset when prepared: {line}" for line in describe_screened(card.get("screened", {}))),
        *(f"- {' '.join(line.split())}" for part in description["data"].values() for line in part.get("screened", ())),
        f"- Audit for shortcuts: {_audit(card)}",
        *(
            f"- Builds on {each['uri']}, fingerprint `{each['fingerprint'][:16]}`, licence: {each['license']}"
            for each in description["references"].values()
        ),
        *(f"- Licence {name}: {count} sources" for name, count in card.get("licenses", {}).items()),
    ]
    if not card.get("licenses"):
        lines.append("- Licences: not stated when the dataset was prepared (`--licenses`)")
    return "\n".join(lines)


def _stream(name: str, description: _Table) -> str:
    return f" ({name})" if len(description["data"]) > 1 else ""


def _audit(card: _Table) -> str:
    audit = card.get("audit", {})
    if not audit:
        return "not done"
    return audit["verdict"] if audit["fingerprint"] == card["fingerprint"] else "done before the dataset was changed"


def _figures(report: _Table, description: _Table) -> str:
    split, dataset = report["split"], report["dataset"].rsplit("/", 1)[-1]
    notes = [
        report["part"],
        report["date"],
        "the epoch was chosen on this split" if _chose_epoch(report, description) else "",
    ]
    lines = [
        f"On {report['num_recordings']} recordings of the {split} split of `{dataset}` ({'; '.join(filter(None, notes))}):",
        "",
        "| | value | 95 % interval | to be read against |",
        "|---|---|---|---|",
    ]
    for values in report["figures"].values():
        figure = Figure.from_dict(values)
        interval = f"{figure.low:.3f} to {figure.high:.3f}" if figure.has_interval else "-"
        lines.append(f"| {figure.title} | {figure.value:.3f} | {interval} | {figure.against} |")
    return "\n".join(lines)


def _calibration(description: _Table) -> list[str]:
    found = read_calibration(description)
    return [] if found is None else [f"Probabilities: {found}."]


def _chose_epoch(report: _Table, description: _Table) -> bool:
    trained_on = next(iter(description["data"].values()))["fingerprint"]
    return report["split"] == "validation" and report["dataset_fingerprint"] == trained_on


def _failures(description: _Table, reports: Sequence[_Table]) -> str:
    """Return the groups that the model does worst on, and the limits that its recipe states."""
    lines = []
    for report in reports:
        split = f"{report['dataset'].rsplit('/', 1)[-1]}, {report['split']}"
        lines += [f"- {text} ({split})" for text in _below_floor(report["figures"])]
        for name, table in report["tables"].items():
            if name.startswith("by_"):
                lines += [f"- {name[3:]} {line} ({split})" for line in _worst(table, report["figures"])]
    limits = [part.removeprefix(_LIMITS).strip() for part in _paragraphs(description) if part.startswith(_LIMITS)]
    return "\n".join([*lines, *(f"- {text}" for text in limits)]) or "Nothing is known."


def _below_floor(figures: _Table) -> list[str]:
    found = (Figure.from_dict(values) for values in figures.values())
    return [
        f"{figure.title} {figure.value:.3f} is below the floor: {figure.floor_title}, without learning, has {figure.floor:.3f}"
        for figure in found
        if figure.is_below_floor
    ]


def _worst(table: _Table, overall: _Table) -> list[str]:
    figures = sorted((Figure.from_dict(values) for values in table.values()), key=lambda figure: figure.value)
    return [
        f"`{figure.title}`: {figure.shown} on {figure.num_examples} examples"
        for figure in figures[:_NUM_WORST]
        if figure.low <= figure.chance or figure.value < (overall[figure.name]["value"] or 0)
    ]
