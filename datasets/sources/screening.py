"""Screening of sources before anything is cut from them: those whose sound is certainly too late or too early are left out."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from datasets.sources.source import Source
from datasets.tables.offsets import OffsetJudgment, OffsetScreen
from infra.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ScreenedSources:
    """What a screen leaves of some sources."""

    kept: list[Source]
    errors: list[dict[str, Any]]
    """A row for each source that is left out."""
    prepared: list[str]
    """Videos that would be left out, but are in the dataset."""
    judged: Mapping[OffsetJudgment, int]


def screen_sources(sources: Sequence[Source], screen: OffsetScreen, *, prepared: Collection[str]) -> ScreenedSources:
    """Return the sources without those whose offset is beyond a limit; the parts of a file share its offset.

    Args:
        sources: what was listed.
        screen: the limit, and what is known of the files.
        prepared: videos that are in the dataset already and stay.

    Raises:
        InputError: If the offset of no source is known, or all are left out.
    """
    judgments = screen.judge_all([source.path for source in sources])
    beyond = [source for source, judgment in zip(sources, judgments, strict=True) if judgment == "beyond"]
    there = {source.video_id for source in beyond}.intersection(prepared)
    left_out = {source.video_id for source in beyond} - there
    if left_out and len(left_out) == len({source.video_id for source in sources}):
        raise InputError(f"--max-offset-ms: {screen.max_offset_ms:g} leaves none of {len(sources)} sources; give more")
    return ScreenedSources(
        kept=[source for source in sources if source.video_id not in left_out],
        errors=[_error(source, screen) for source in beyond if source.video_id in left_out],
        prepared=sorted(there),
        judged=Counter(judgments),
    )


def _error(source: Source, screen: OffsetScreen) -> dict[str, Any]:
    offset = screen.offsets[source.path] or 0.0
    detail = (
        f"sound {abs(offset):.0f} ms {'late' if offset > 0 else 'early'}, --max-offset-ms is {screen.max_offset_ms:g}"
    )
    return {"source": source.place, "stage": "screen", "reason": "out of sync", "detail": detail}
