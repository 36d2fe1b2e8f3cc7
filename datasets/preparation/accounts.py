"""Where the seconds of a source go: into windows, within the reach of windows, or left out for a reason."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from datasets.clips.windows import PlannedWindow
from datasets.config import PreparationConfig
from datasets.media import BOTH, PICTURE, SOUND, Span, Timeline, intersection, length
from datasets.preparation.shards import PlannedShard
from datasets.preparation.spans import asked_for, usable_spans
from datasets.sources.source import Source

_TOLERANCE = 1e-6
_SHORTEST = 0.001
_SHORTEST_SHOWN = 0.05


def account(
    source: Source, line: Timeline, windows: Sequence[PlannedWindow], config: PreparationConfig
) -> tuple[float, float, dict[str, float]]:
    """Return the seconds of a source, those of them that are in a window, and those that no window can reach, by reason.

    What a catalog does not ask for is not counted.
    """
    if not config.row_seconds:
        return 0.0, 0.0, {}
    whole = intersection([line.extent(config.modalities)], [asked_for(source)])
    padded = any(window.pad_seconds for window in windows)
    usable = [
        (begin, end)
        for begin, end in usable_spans(source, line, config)
        if padded or end - begin > config.clip_seconds - _TOLERANCE
    ]
    starts = {window.start_seconds for window in windows} | {window.sound_start_seconds for window in windows}
    covered = intersection(sorted((start, start + config.clip_seconds) for start in starts), whole)
    left_out = seconds_left_out(line, usable, whole, needs=config.modalities)
    return length(whole) + line.unplaced_seconds, length(covered), left_out


def seconds_left_out(
    line: Timeline, usable: Sequence[Span], whole: Sequence[Span], *, needs: Collection[str] = BOTH
) -> dict[str, float]:
    """Return the seconds of a whole that are in none of its usable spans, by reason."""
    runs = [intersection(getattr(line, name), whole) for name in (PICTURE, SOUND) if name in needs]
    common = intersection(line.spans(needs), whole)
    found = {
        "hole": length(whole) - length([span for spans in runs for span in spans]),
        "too short": length(common) - length(usable),
        "after a restart of one stream": line.unplaced_seconds,
    }
    if len(runs) == len((PICTURE, SOUND)):
        found |= {"no sound": length(runs[0]) - length(common), "no picture": length(runs[1]) - length(common)}
    return {reason: seconds for reason, seconds in found.items() if seconds >= _SHORTEST}


def describe_left_out(seconds: Mapping[str, float]) -> str:
    """Return reasons and seconds, the largest first; what is below a twentieth of a second is not named."""
    ordered = sorted(seconds.items(), key=lambda item: item[1], reverse=True)
    return ", ".join(f"{reason} {value:.1f} s" for reason, value in ordered if value >= _SHORTEST_SHOWN)


def describe_account(account: Mapping[str, Any]) -> list[str]:
    """Return what a dataset's card says of its sources' seconds, in lines; none where they have no clock."""
    if not account.get("seconds"):
        return []
    left_out, tracks = account["left_out_seconds"], account["other_audio_tracks"]
    reasons = describe_left_out(left_out)
    line = f"{account['seconds'] / 3600:.3f} hours in, {account['covered_seconds'] / 3600:.3f} as clips, "
    line += f"{sum(left_out.values()) / 3600:.3f} left out: {reasons}" if reasons else "none left out"
    return [line, *([f"{tracks} sources whose sound is not their first audio track"] if tracks else [])]


def add_up(shard: PlannedShard, errors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a marker says of the seconds of a shard's sources; those that gave an error instead of clips do not count.

    A source of several shards counts where its first window is.
    """
    failed = {error["source"] for error in errors}
    used = [source for source in shard.sources if source.begins and source.place not in failed]
    return {
        "seconds_in": sum(source.seconds for source in used),
        "seconds_covered": sum(source.covered_seconds for source in used),
        "other_tracks": sum(not source.line.first_sound for source in used),
        "left_out": [
            {"source": source.place, "stage": "plan", "reason": reason, "seconds": seconds}
            for source in used
            for reason, seconds in source.left_out.items()
        ],
    }
