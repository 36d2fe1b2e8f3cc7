"""What a search found, as a table for the terminal, as JSON, and as a page that shows each hit from its moment."""

import dataclasses
import html
from pathlib import Path
from typing import Any
from urllib.parse import quote

from infra import storage
from workflows.search.query import Found

HITS, PAGE = "hits.json", "index.html"
_VIDEOS = (".mp4", ".webm", ".mov", ".m4v", ".mkv", ".avi", ".ogv", ".ts")
_SOUNDS = (".wav", ".ogg", ".opus", ".mp3", ".flac", ".m4a")
_STYLE = """body{font:15px sans-serif;max-width:1200px;margin:2em auto;padding:0 1em}
ol{display:grid;grid-template-columns:repeat(auto-fill,minmax(260px,1fr));gap:1.5em;padding-left:1.4em}
img,video,audio{max-width:100%;max-height:240px}p{margin:.3em 0;overflow-wrap:anywhere}"""


def describe_hits(found: Found) -> str:
    """Return a line for each hit: rank, cosine, moment, file, and its text or label."""
    lines = [f"{'':>3} {'cosine':>6}  {'from':>7}  clip"]
    for rank, hit in enumerate(found.hits, start=1):
        named = _printable(f"{storage.shown(hit['source'])}  {hit['text'] or hit['label'] or ''}")
        lines.append(f"{rank:>3} {hit['cosine']:>6.3f}  {_moment(hit):>7}  {named}".rstrip())
    return "\n".join([*lines, f"of {found.num_clips:,} clips in {found.index.dataset}"])


def write_hits(folder: str, found: Found) -> None:
    """Write hits.json and the page."""
    values = {"query": found.query, "index": dataclasses.asdict(found.index), "hits": list(found.hits)}
    storage.write_json(storage.join(folder, HITS), values)
    storage.write_bytes(storage.join(folder, PAGE), _page(found).encode())


def _page(found: Found) -> str:
    title = html.escape(f"Nearest to {found.query}")
    entries = "".join(_entry(hit, found.index.clip_seconds) for hit in found.hits)
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{_STYLE}</style>
<h1>{title}</h1><p>{len(found.hits)} of {found.num_clips:,} clips</p><ol>{entries}</ol></html>
"""


def _entry(hit: dict[str, Any], clip_seconds: float) -> str:
    said = " ".join(filter(None, (hit["label"], hit["text"])))
    moment = _moment(hit)
    return (
        f"<li>{_shown(hit, clip_seconds)}<p><b>{hit['cosine']:.3f}</b> {html.escape(said)}</p>"
        f"<p>{html.escape(storage.shown(hit['source']))}{f' from {moment}' if moment else ''}</p></li>\n"
    )


def _shown(hit: dict[str, Any], clip_seconds: float) -> str:
    """Return the element that shows or plays a hit; browsers begin at the moment that the address names."""
    source, start = hit["source"], hit["start_seconds"]
    address = html.escape(quote(source) if storage.is_remote(source) else Path(source).absolute().as_uri())
    span = "" if start is None else f"#t={start:.2f},{start + clip_seconds:.2f}"
    if source.lower().endswith(_VIDEOS):
        return f'<video controls preload="metadata" src="{address}{span}"></video>'
    if source.lower().endswith(_SOUNDS):
        return f'<audio controls preload="none" src="{address}{span}"></audio>'
    return f'<img loading="lazy" alt="" src="{address}">'


def _printable(text: str) -> str:
    """Return a text without characters that steer a terminal."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _moment(hit: dict[str, Any]) -> str:
    start = hit["start_seconds"]
    return "" if start is None else f"{int(start) // 60}:{start % 60:04.1f}"
