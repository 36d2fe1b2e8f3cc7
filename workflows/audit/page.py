"""Findings of checks as a table for the terminal and as an HTML page."""

import base64
import dataclasses
import html
import io
import math
from collections.abc import Mapping
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from workflows.audit.checks.check import Check

_COLORS = {"pass": "#2a7f3f", "leak": "#b3261e", "too little data": "#8a6d00"}


def plain(check: Check) -> dict[str, Any]:
    """Return a check as plain values for JSON, NaN as null."""
    values = dataclasses.asdict(check)
    values["interval"] = [None if math.isnan(end) else float(end) for end in check.interval]
    for name in ("value", "chance", "smallest_detectable"):
        values[name] = None if math.isnan(values[name]) else float(values[name])
    return values


def describe_audit(audit: Mapping[str, Any]) -> str:
    """Return the table for the terminal."""
    lines = [f"{'check':<32}{'verdict':<17}{'value':>7}  {'chance':>7}  {'detectable':>15}"]
    for check in audit["checks"]:
        value, chance, smallest = (
            "-" if number is None else f"{number:.3f}"
            for number in (check["value"], check["chance"], check["smallest_detectable"])
        )
        lines.append(f"{check['name']:<32}{check['verdict']:<17}{value:>7}  {chance:>7}  {'+' + smallest:>15}")
    lines += [f"{name:<32}{'not asked':<17}{reason}" for name, reason in audit.get("not_asked", {}).items()]
    lines.append(f"verdict  {audit['verdict']}")
    return "\n".join(lines)


def worst(verdicts: list[str]) -> str:
    """Return the overall verdict: one leak is a leak; a pass needs enough data in every check."""
    return next((verdict for verdict in ("leak", "too little data") if verdict in verdicts), "pass")


def audit_page(audit: Mapping[str, Any], *, heading: str, intro: str, figures: str = "") -> str:
    """Return an HTML page: the verdict, a plot of every value beside chance, `figures`, and a table of the checks."""
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
<h1>{html.escape(heading)}: <span style="color:{_COLORS[audit["verdict"]]}">{audit["verdict"]}</span></h1>
<p>{html.escape(intro)}</p>
<img alt="values beside chance" src="data:image/png;base64,{_plot(audit)}">{figures}
<table><tr><th>check</th><th>verdict</th><th>value [95 %]</th><th>chance</th><th>smallest detectable</th><th>what was asked</th></tr>
{rows}</table>
"""


def _plot(audit: Mapping[str, Any]) -> str:
    """Return a plot, in base64, of every check's distance from chance beside the smallest that it would have found."""
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
    farthest = max(check["smallest_detectable"] for check in checks)
    axis.set(xlabel="distance from chance; | is the smallest leak that would have been found")
    axis.set_xlim(-0.35, max(0.55, min(1.1, farthest + 0.1)))
    axis.invert_yaxis()
    return encoded(figure)


def encoded(figure: Figure) -> str:
    """Return a figure as a PNG in base64, and close it."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    plt.close(figure)
    return base64.b64encode(picture.getvalue()).decode()


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
