"""Many files together: tables of files and windows, a histogram of their offsets, and a page that begins with the worst."""

import html
import io
from collections import Counter
from collections.abc import Sequence
from urllib.parse import quote

import pyarrow as pa
from matplotlib.figure import Figure as Plot
from matplotlib.ticker import MaxNLocator

from datasets.tables.offsets import OFFSET_SCHEMA, OFFSETS
from datasets.tables.table import write_table
from infra import storage
from workflows.offset.answer import Tolerance
from workflows.offset.examine import Row

_MOST_SHOWN = 200
_VERDICTS = {"out of sync": "#b3261e", "cannot tell": "#8a6d00", "cannot be read": "#555", "in sync": "#2a7f3f"}
"""Colors of what is said, the worst first."""
_WINDOWS = pa.schema(
    [
        ("video", pa.string()),
        ("seconds", pa.float64()),
        ("offset_ms", pa.float64()),
        ("silent", pa.bool_()),
        ("still", pa.bool_()),
    ]
)


def write_corpus(folder: str, rows: Sequence[Row], *, tolerance: Tolerance) -> str:
    """Write tables, histogram and page of many files; return what to print about them."""
    ordered = sorted(rows, key=_worst_first)
    write_table(storage.join(folder, OFFSETS), [_file_row(row) for row in ordered], OFFSET_SCHEMA)
    windows = [{"video": row["video"], **window} for row in ordered for window in row["windows"]]
    write_table(storage.join(folder, "windows.parquet"), windows, _WINDOWS)
    picture = io.BytesIO()
    _draw_histogram(ordered, tolerance).savefig(picture, format="png", dpi=110)
    storage.write_bytes(storage.join(folder, "histogram.png"), picture.getvalue())
    storage.write_bytes(storage.join(folder, "index.html"), _page(ordered, tolerance).encode())
    counts = Counter(map(_verdict, rows))
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _VERDICTS if counts[verdict])
    return f"files    {told}\npage     {storage.join(folder, 'index.html')}"


def _verdict(row: Row) -> str:
    return row["verdict"] or "cannot be read"


def _worst_first(row: Row) -> tuple[int, float, str]:
    return list(_VERDICTS).index(_verdict(row)), -abs(row.get("offset_ms") or 0.0), row["video"]


def _file_row(row: Row) -> Row:
    low, high = row.get("interval_ms") or (None, None)
    drift = (row.get("drift_ms_per_minute") or {}).get("value")
    plain = {name: row.get(name) for name in OFFSET_SCHEMA.names}
    return plain | {"low_ms": low, "high_ms": high, "drift_ms_per_minute": drift}


def _draw_histogram(rows: Sequence[Row], tolerance: Tolerance) -> Plot:
    plot = Plot(figsize=(8, 3), layout="constrained")
    axis = plot.subplots()
    offsets = [row["offset_ms"] for row in rows if row.get("offset_ms") is not None]
    axis.axvspan(-tolerance.early_ms, tolerance.late_ms, color="tab:green", alpha=0.12, label="not noticed")
    axis.hist(offsets or [0.0], bins=60, weights=None if offsets else [0.0], color="tab:blue")
    axis.set(xlabel="offset in ms: sound early (-), sound late (+)", ylabel="files")
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=8)
    return plot


def _page(rows: Sequence[Row], tolerance: Tolerance) -> str:
    counts = Counter(map(_verdict, rows))
    counted = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _VERDICTS if counts[verdict])
    shown = rows[:_MOST_SHOWN]
    left_out = (
        f"<p>The first {_MOST_SHOWN} of {len(rows)} files; files.parquet has all.</p>" if len(rows) > len(shown) else ""
    )
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Offsets of {len(rows)} files</title>
<style>body{{font:15px sans-serif;max-width:1000px;margin:2em auto;padding:0 1em}}h2{{font-size:1em;overflow-wrap:anywhere;margin:2em 0 0}}
img{{max-width:100%}}</style>
<h1>Offsets of {len(rows)} files</h1>
<p>{counted}. In sync: sound at most {tolerance.early_ms:g} ms early and {tolerance.late_ms:g} ms late.</p>
<img alt="histogram of the files' offsets" src="histogram.png">{left_out}
{"".join(map(_entry, shown))}</html>
"""


def _entry(row: Row) -> str:
    color, said = _VERDICTS[_verdict(row)], row["error"] or row["sentence"]
    plot = "" if row["error"] else f'<img loading="lazy" alt="evidence over offsets" src="{quote(row["stem"])}.png">'
    return f'<h2>{html.escape(row["video"])}</h2><p style="color:{color}">{html.escape(said)}</p>{plot}\n'
