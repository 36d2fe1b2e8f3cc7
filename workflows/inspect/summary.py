"""What the doctor found, for the terminal."""

import collections
import itertools
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from datasets.clips.measures import LOUDNESS, MOTION, SILENCE
from datasets.config import PreparationConfig
from datasets.doctor import Column, Examination, Flag, Layout
from datasets.preparation.accounts import describe_account
from datasets.preparation.shards import SPLITS

_MOST_CLASSES = 20
_MOST_OF_A_KIND = 5
_BAR = 40
_LOUDNESS_STEPS = range(-72, 1, 6)
_QUANTILES = (("least", 0.0), ("1 %", 0.01), ("10 %", 0.1), ("median", 0.5), ("90 %", 0.9), ("most", 1.0))


def describe_examination(found: Examination) -> str:
    """Return all that was found, flags last."""
    parts = [
        _heading(found),
        _splits(found),
        _columns(found.layouts),
        _row_groups(found.layouts),
        _classes(found),
        _measures(found),
        describe_flags(found.flags),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def describe_flags(flags: Sequence[Flag]) -> list[str]:
    """Return a line a flag, of many of a kind the first few, or that there are none."""
    if not flags:
        return ["flags    none"]
    kinds = collections.defaultdict(list)
    for flag in flags:
        kinds[flag.severity, flag.name].append(flag)
    lines = []
    for (severity, name), members in kinds.items():
        shown = members if len(members) <= _MOST_OF_A_KIND + 1 else members[:_MOST_OF_A_KIND]
        lines += [f"{severity:<9}{name:<24}{flag.place}: {flag.detail}" for flag in shown]
        if len(shown) < len(members):
            lines.append(f"{severity:<9}{name:<24}and {len(members) - len(shown)} more")
    return lines


def _heading(found: Examination) -> list[str]:
    lines = [f"dataset  {found.dataset}"]
    if found.config is not None:
        lines += _contents(found.config)
    if found.holds:
        held = (f"{name} {sum(counts.values())}" for name, counts in found.holds.items())
        lines.append(f"hold     {', '.join(held)}")
    return lines + [f"sources  {line}" for line in describe_account(found.sources)]


def _contents(config: PreparationConfig) -> list[str]:
    """Return what a row is made of."""
    lines = []
    if config.has_picture:
        codec = "H.264" if config.storage == "h264" else "raw uint8"
        size = f"{config.size} x {config.size} at {config.frame_rate:g} a second"
        lines.append(f"picture  {config.num_frames} frames of {size}, {codec}")
    if config.has_sound:
        mel = f"log-mel {config.log_mel.num_bins} x {config.num_hops}"
        lines.append(f"sound    {config.clip_seconds:g} s at {config.sample_rate} Hz, PCM of 16 bits; {mel}")
    if "image" in config.modalities:
        size = config.image_size
        lines.append(f"image    stills {'as they were given' if size is None else f'of {size} x {size}'}")
    if "text" in config.modalities:
        lines.append("text     one or more a row")
    return lines


def _splits(found: Examination) -> list[str]:
    seconds = found.config.row_seconds if found.config else 0.0
    lines = [f"{'split':<12}{'videos':>9}{'clips':>9}{'pairs':>9}{'recordings':>12}{'hours':>9}{'MB':>10}"]
    for name in _split_names(found):
        split = found.splits[name]
        counts = f"{len(split.videos):>9}{split.num_rows:>9}{len(split.pairs):>9}{len(split.recordings):>12}"
        hours = f"{split.num_rows * seconds / 3600:.3f}" if seconds else "-"
        lines.append(f"{name:<12}{counts}{hours:>9}{split.num_bytes / 1e6:>10.1f}")
    return lines if len(lines) > 1 else []


def _split_names(found: Examination) -> list[str]:
    return sorted(found.splits, key=lambda name: (SPLITS.index(name) if name in SPLITS else len(SPLITS), name))


def _columns(layouts: Sequence[Layout]) -> list[str]:
    """Return a table of the columns over all files."""
    members: dict[str, list[Column]] = collections.defaultdict(list)
    for layout in layouts:
        for column in layout.columns:
            members[column.name].append(column)
    num_rows = sum(layout.num_rows for layout in layouts)
    lines = [
        f"{'column':<22}{'type':<34}{'bytes a row':>12}  {'compression':<14}{'dictionary':<12}{'statistics':<12}largest page"
    ]
    for name, columns in members.items():
        types = " or ".join(dict.fromkeys(column.type for column in columns))
        compression = "/".join(sorted({each for column in columns for each in column.compression})) or "-"
        yes = [_yes(any(flags)) for flags in zip(*((c.has_dictionary, c.has_statistics) for c in columns), strict=True)]
        size = sum(column.num_bytes for column in columns) / max(1, num_rows)
        page = max((column.largest_page for column in columns if column.largest_page), default=None)
        shown = f"{page.num_bytes / 1e3:.0f} kB, {page.num_values} rows" if page else "-"
        lines.append(
            f"{name:<22}{types[:33]:<34}{size:>12.0f}  {compression.lower():<14}{yes[0]:<12}{yes[1]:<12}{shown}"
        )
    return lines if members else []


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _row_groups(layouts: Sequence[Layout]) -> list[str]:
    groups = [group for layout in layouts for group in layout.groups]
    if not groups:
        return []
    rows, sizes = ([group[place] for group in groups] for place in (0, 1))
    return [
        f"files {len(layouts)}, MB {sum(layout.num_bytes for layout in layouts) / 1e6:.1f}, row groups {len(groups)}: "
        f"rows in each {_range(rows, '.0f')}, MB in each {_range([size / 1e6 for size in sizes], '.1f')}"
    ]


def _range(values: Sequence[float], form: str) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{low:{form}} to {high:{form}}, median {middle:{form}}"


def _classes(found: Examination) -> list[str]:
    if not found.classes:
        return []
    names = _split_names(found)
    total = sum(sum(counts.values()) for counts in found.classes.values())
    ordered = sorted(found.classes, key=lambda label: -sum(found.classes[label].values()))
    lines = [f"{'class':<28}" + "".join(f"{name:>12}" for name in names) + f"{'share':>9}"]
    for label in ordered[:_MOST_CLASSES]:
        counts = found.classes[label]
        cells = "".join(f"{counts[name]:>12}" for name in names)
        lines.append(f"{label[:27] or '(no label)':<28}{cells}{sum(counts.values()) / total:>9.3f}")
    if len(ordered) > _MOST_CLASSES:
        lines.append(f"and {len(ordered) - _MOST_CLASSES} more classes")
    most, least = (sum(found.classes[ordered[place]].values()) for place in (0, -1))
    lines.append(f"{len(ordered)} classes; the largest has {most / least:.1f} times the clips of the smallest")
    return lines


def _measures(found: Examination) -> list[str]:
    lines: list[str] = []
    loudness = np.asarray(found.measures[LOUDNESS])
    if len(loudness):
        lines.append(f"loudness of {len(loudness)} clips, dB of full scale")
        steps = [-np.inf, *_LOUDNESS_STEPS[:-1], np.inf]
        counts = [int(((loudness >= low) & (loudness < high)).sum()) for low, high in itertools.pairwise(steps)]
        seen = np.flatnonzero(counts)
        for place in range(seen[0], seen[-1] + 1):
            bar = "#" * round(_BAR * counts[place] / max(counts))
            name = f"below {_LOUDNESS_STEPS[0]}" if place == 0 else f"from {_LOUDNESS_STEPS[place - 1]}"
            lines.append(f"  {name:<12}{counts[place]:>7}  {bar}".rstrip())
    for name, title in ((SILENCE, "silence, share of a clip"), (MOTION, "motion, blacks to whites a second")):
        values = found.measures[name]
        if values:
            shown = ", ".join(f"{word} {_number(np.quantile(values, share))}" for word, share in _QUANTILES)
            lines.append(f"{title:<36}{shown}")
    return lines


def _number(value: Any) -> str:
    return f"{float(value):.3f}"
