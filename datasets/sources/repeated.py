"""Rows of a catalog or table that name one video: their texts are joined; a row that repeats or contradicts another is an error row."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from datasets.sources.source import Source, Text

Row = dict[str, Any]

_NAMES = {"label": "label", "split": "split", "fold": "fold", "catalog_id": "recording"}
_IN_ORDER = ("question", "answer")
"""Roles whose texts belong together by their order, so that none is left out that was there before."""


def join_rows(rows: Iterable[tuple[int, Source]]) -> tuple[list[Source], list[Row]]:
    """Return one source for each name of a video, and error rows for the lines that repeat or contradict an earlier one."""
    found: dict[str, Source] = {}
    given: dict[str, set[tuple[Text, ...]]] = {}
    errors = []
    for number, source in rows:
        before = found.setdefault(source.video_id, source)
        if before is source:
            continue
        known = given.setdefault(source.video_id, {before.texts})
        differing = next((name for name in _NAMES if _differ(before, source, name)), None)
        if differing:
            detail = (
                f"line {number}: {_NAMES[differing]} '{getattr(source, differing)}', "
                f"'{getattr(before, differing)}' in a line before"
            )
            errors.append(repeated(source, "contradicts itself", detail))
        elif source.texts in known:
            errors.append(repeated(source, "listed twice", f"line {number}"))
        else:
            found[source.video_id] = _joined(before, source)
            known.add(source.texts)
    return list(found.values()), errors


def repeated(source: Source, reason: str, detail: str) -> Row:
    """Return the error row of a line whose video another line has."""
    return {"source": source.place, "stage": "index", "reason": reason, "detail": detail}


def _differ(before: Source, source: Source, name: str) -> bool:
    one, other = getattr(before, name), getattr(source, name)
    return one is not None and other is not None and one != other


def _joined(before: Source, source: Source) -> Source:
    """Return a source with what another row of it adds."""
    more = (text for text in source.texts if text.role in _IN_ORDER or text not in before.texts)
    kept = {name: getattr(before, name) for name in _NAMES}
    added = {name: getattr(source, name) if value is None else value for name, value in kept.items()}
    return dataclasses.replace(before, texts=(*before.texts, *more), **added)
