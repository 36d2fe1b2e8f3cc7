"""The written pages, and the blocks of code in them."""

import dataclasses
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
README = ROOT / "README.md"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block: its language, whether it is marked `no-run`, and its text."""

    page: str
    language: str
    runs: bool
    text: str

    @property
    def commands(self) -> list[str]:
        """The lines of shell commands, without their remarks."""
        return [line.partition("  #")[0].rstrip() for line in self.text.splitlines() if line.strip()]


def pages() -> list[Path]:
    """Return README.md and all pages of docs/."""
    return [README, *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    found = re.findall(r"^```(\S*)( no-run)?\n(.*?)^```$", page.read_text(), re.S | re.M)
    name = page.relative_to(ROOT).as_posix()
    return [Block(page=name, language=language, runs=not mark, text=text) for language, mark, text in found]


def links(page: Path) -> list[str]:
    """Return the targets of a page's links and pictures that lie in this repository."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.S | re.M)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target for target in targets if "://" not in target]


def linked(page: Path, target: str) -> Path:
    """Return the file that a link of a page leads to."""
    return (page.parent / target.partition("#")[0]).resolve() if not target.startswith("#") else page


def anchors(page: Path) -> set[str]:
    """Return the names by which a link may lead to a heading of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
