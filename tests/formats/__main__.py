"""The page docs/formats.md: every source that is tried, and how far its clips are off.

python -m tests.formats
"""

import tempfile
from pathlib import Path

from infra import cluster
from tests.formats.cases import CASES, Case
from tests.formats.measure import Finding, measure

PAGE = Path(cluster.ROOT) / "docs" / "formats.md"

_HEAD = """# Formats

<!-- made by `make formats`; do not edit -->

What was tried: {count} files with clicks and flashes at the same times, four colored corners, and another tone in every channel, written
with the encoders of PyAV's wheel and prepared in one run. A file is as good as its worst clip:

- offset: how much later the click is heard than the flash is seen; at most half a frame of the source
- level: a channel's tone against its share of the mean of the channels, at most 0.1 dB off. The channels are those that were written;
  of lossy sound, those that the file itself decodes to
- color: the corner that is farthest from its color, at most 4 of 255
- left out: seconds that no window can reach, at most 0.1 s off
- shown: the four corners are where a player shows them

What cannot be prepared has the line that stands in the table of errors. **Bold** is what is wrong today.
"""


def page(findings: dict[str, Finding]) -> str:
    """Return the page as Markdown."""
    head = [
        "| file | what is special | picture | sound | windows | left out | offset | level | color |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([_HEAD.format(count=len(CASES)), *head, *(_row(case, findings[case.name]) for case in CASES), ""])


def _row(case: Case, finding: Finding) -> str:
    faults = finding.faults(case)
    width, height = case.size
    what = [
        f"`{case.name}`",
        case.oddity,
        f"{case.video}, {width} x {height}, {float(case.frame_rate):.5g}/s" if case.video else "",
        f"{case.audio}, {case.layout}, {case.sample_rate / 1000:g} kHz" if case.audio else "",
    ]
    if faults:
        told = [f"**{'; '.join(faults)}**", "", "", "", ""]
    elif case.error:
        told = [f"{finding.error}: {finding.detail}".removesuffix(": "), "", "", "", ""]
    else:
        told = [
            str(finding.num_windows),
            f"{finding.left_out or 0:.1f} s",
            f"{1000 * (finding.offset_seconds or 0):.1f} ms",
            f"{abs(finding.level_db or 0):.2f} dB",
            f"{finding.color:.0f}",
        ]
    return f"| {' | '.join(what + told)} |"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, cluster.running():
        PAGE.write_text(page(measure(CASES, Path(folder))))
