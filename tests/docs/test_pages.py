"""What must hold for every written page: length, links, reachability, languages of blocks."""

import pytest

from tests.docs.pages import README, ROOT, anchors, blocks, linked, links, pages

_PAGES = pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())


def test_readme_has_at_most_120_lines():
    assert README.read_text().count("\n") <= 120


@_PAGES
def test_links_and_pictures_exist(page):
    for target in links(page):
        assert linked(page, target).exists(), target
        _, _, anchor = target.partition("#")
        assert not anchor or anchor in anchors(linked(page, target)), target


def test_every_page_is_reachable_from_the_readme():
    reached, left = set(), [README]
    while left:
        page = left.pop()
        reached.add(page)
        found = {linked(page, target) for target in links(page)}
        left += [other for other in found - reached if other.suffix == ".md"]
    assert set(pages()) <= reached


def test_every_picture_of_docs_is_shown():
    shown = {linked(page, target) for page in pages() for target in links(page)}
    assert {path for path in (ROOT / "docs").iterdir() if path.suffix != ".md"} <= shown


@_PAGES
def test_blocks_have_a_known_language(page):
    text = page.read_text()
    assert text.count("\n```") == 2 * len(blocks(page)), "write ```sh, ```sh no-run, ```python or ```text"
    assert {block.language for block in blocks(page)} <= {"sh", "python", "text"}
