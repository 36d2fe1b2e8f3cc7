"""All checks of a dataset, the verdict they come to, and the page that shows them."""

import base64
import dataclasses
import html
import io
import math
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from datasets.card import read_card, write_verdict
from datasets.preparation_config import PreparationConfig
from infra import storage
from infra.errors import InputError
from infra.tracking import Run
from workflows.checks.check import LEVEL, POWER, Check
from workflows.checks.decode_delay import check_decode_delay
from workflows.checks.duplicates import check_duplicates
from workflows.checks.null_data import check_null_data
from workflows.checks.positions import check_clocks, check_marginals
from workflows.checks.single_modality import check_probes, check_sound_statistics
from workflows.checks.windows import make_examples, read_windows
from workflows.console import ProgressLine

_COLORS = {"pass": "#2a7f3f", "leak": "#b3261e", "too little data": "#8a6d00"}
_FEWEST_ROWS = 1
_FEWEST_NULL_SCENES = 16


def refuse_bad_input(dataset: str, *, max_rows: int, null_scenes: int) -> None:
    """Refuse what cannot be audited.

    Raises:
        InputError: If too little is asked for, or there is no dataset with clips.
    """
    options = (("--max-rows", max_rows, _FEWEST_ROWS), ("--null-scenes", null_scenes, _FEWEST_NULL_SCENES))
    for option, value, fewest in options:
        if value < fewest:
            raise InputError(f"{option}: {value} is too few; give {fewest} or more")
    read_card(dataset)
    if not storage.list_files(storage.join(dataset, "clips"), suffix=".parquet"):
        raise InputError(
            f"--data: '{dataset}' holds no clips; its errors.parquet says why, prepare it again with other videos"
        )


def audit_dataset(dataset: str, *, max_rows: int, null_scenes: int, progress: ProgressLine) -> dict[str, Any]:
    """Return the audit of a dataset: its verdict and every check.

    A leak anywhere is a leak; otherwise the data pass if every check could have seen something.
    """
    config = PreparationConfig.from_dict(read_card(dataset)["config"])
    windows = read_windows(dataset, config, max_rows=max_rows)
    examples = make_examples(windows)
    stages = (
        lambda: [check_duplicates(dataset, windows)],
        lambda: [check_marginals(windows, examples)],
        lambda: [check_sound_statistics(windows, examples)],
        lambda: check_probes(windows, examples),
        lambda: check_clocks(windows),
        lambda: [check_decode_delay(dataset, config)],
        lambda: [check_null_data(config, num_scenes=null_scenes)],
    )
    checks: list[Check] = []
    for done, stage in enumerate(stages, start=1):
        checks += stage()
        progress("checks", done, len(stages))
    verdicts = [check.verdict for check in checks]
    return {
        "verdict": next((v for v in ("leak", "too little data") if v in verdicts), "pass"),
        "label_mode": config.label_mode,
        "num_windows": len(windows.starts),
        "num_examples": len(examples.target),
        "level": LEVEL,
        "power": POWER,
        "checks": [_plain(check) for check in checks],
    }


def write_audit(audit: dict[str, Any], dataset: str, run: Run) -> str:
    """Write `audit.json` and `audit.html` beside the data, the verdict into its card, all to the run; return the page's path."""
    page = storage.join(dataset, "audit.html")
    storage.write_json(storage.join(dataset, "audit.json"), audit)
    storage.write_bytes(page, _page(audit, dataset).encode())
    card = write_verdict(dataset, audit["verdict"])
    run.log_dict(audit, "audit.json")
    with storage.local_copy(page) as path:
        run.log_artifact(path)
    run.log_dataset(dataset, name=dataset.rsplit("/", 1)[-1], digest=card["fingerprint"], context="audited")
    run.set_tags({"verdict": audit["verdict"]})
    numbers = {check["name"].replace(" ", "_"): check["value"] for check in audit["checks"]}
    run.log_metrics({name: value for name, value in numbers.items() if value is not None})
    return page


def describe_audit(audit: dict[str, Any]) -> str:
    """Return the table for the terminal."""
    lines = [f"{'check':<26}{'verdict':<17}{'value':>7}  {'chance':>7}  {'would have seen':>15}"]
    for check in audit["checks"]:
        value, chance, smallest = (
            "-" if number is None else f"{number:.3f}"
            for number in (check["value"], check["chance"], check["smallest_detectable"])
        )
        lines.append(f"{check['name']:<26}{check['verdict']:<17}{value:>7}  {chance:>7}  {'+' + smallest:>15}")
    lines.append(f"verdict  {audit['verdict']}")
    return "\n".join(lines)


def _plain(check: Check) -> dict[str, Any]:
    """Return a check with what JSON has no number for as null."""
    values = dataclasses.asdict(check)
    values["interval"] = [None if math.isnan(end) else float(end) for end in check.interval]
    for name in ("value", "chance", "smallest_detectable"):
        values[name] = None if math.isnan(values[name]) else float(values[name])
    return values


def _page(audit: dict[str, Any], dataset: str) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(check['name'])}</td>"
        f"<td style='color:{_COLORS[check['verdict']]}'><b>{check['verdict']}</b></td>"
        f"<td>{_number(check['value'])} [{_number(check['interval'][0])}, {_number(check['interval'][1])}]</td>"
        f"<td>{_number(check['chance'])}</td><td>{_number(check['smallest_detectable'])}</td>"
        f"<td>{html.escape(check['detail'])}</td></tr>"
        for check in audit["checks"]
    )
    return f"""<!doctype html><meta charset="utf-8"><title>Audit</title>
<style>body{{font:15px sans-serif;max-width:1100px;margin:2em auto}}td,th{{text-align:left;padding:4px 14px 4px 0;vertical-align:top}}
th{{border-bottom:1px solid #999}}</style>
<h1>Audit: <span style="color:{_COLORS[audit["verdict"]]}">{audit["verdict"]}</span></h1>
<p>{html.escape(dataset)}: {audit["num_windows"]} windows, {audit["num_examples"]} examples, labels by {audit["label_mode"]}.
Each check raises a false alarm with probability {audit["level"]:.1e}; the smallest detectable leak is the one it finds with probability
{audit["power"]}.</p>
<img alt="values beside chance" src="data:image/png;base64,{_plot(audit)}">
<table><tr><th>check</th><th>verdict</th><th>value [95 %]</th><th>chance</th><th>smallest detectable</th><th>what was asked</th></tr>
{rows}</table>
"""


def _plot(audit: dict[str, Any]) -> str:
    """Return a picture, in base64, of every check's distance from chance beside the smallest that it would have found."""
    checks = [check for check in audit["checks"] if check["value"] is not None]
    figure, axis = plt.subplots(figsize=(9, 0.45 * len(checks) + 1), layout="constrained")
    for place, check in enumerate(checks):
        chance = check["chance"]
        low, high = (end - chance for end in check["interval"])
        axis.plot([low, high], [place, place], color=_COLORS[check["verdict"]], linewidth=2)
        axis.plot(check["value"] - chance, place, "o", color=_COLORS[check["verdict"]])
        axis.plot(check["smallest_detectable"], place, "|", color="0.4", markersize=14)
    axis.axvline(0, color="0.6", linewidth=0.8)
    axis.set_yticks(range(len(checks)), [check["name"] for check in checks])
    axis.set(xlabel="distance from chance; | is the smallest leak that would have been found", xlim=(-0.35, 0.55))
    axis.invert_yaxis()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    plt.close(figure)
    return base64.b64encode(picture.getvalue()).decode()


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
