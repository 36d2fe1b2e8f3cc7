"""Licences follow videos by how their paths end, and are counted for those that are in."""

import pyarrow as pa
import pytest

from datasets.sources.source import Source
from datasets.tables.licenses import NOT_STATED, count_licenses, match_licenses, record_licenses
from infra.errors import InputError

SOURCES = [
    Source(path="/somewhere/videos/dog/one.mp4", video_id="dog/one.mp4"),
    Source(path="/somewhere/videos/cat/one.mp4", video_id="cat/one.mp4"),
    Source(path="/elsewhere/abc_1_11.mp4", video_id="abc_1_11", catalog_id="abc"),
]


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "licenses.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def test_a_path_a_name_and_a_catalog_id_are_found(table):
    text = "path,note,licence\nvideos/dog/one.mp4,x,MIT\ncat/one.mp4,x,CC0\nabc,x,CC BY\nother.mp4,x,MIT\n"
    assert match_licenses(table(text), SOURCES) == {"dog/one.mp4": "MIT", "cat/one.mp4": "CC0", "abc_1_11": "CC BY"}


def test_a_table_with_tabs_names_any_file_of_a_video(table):
    sources = [Source(path="/v/abc.m4a", others=("/v/abc.mp4",), video_id="abc_1_11")]
    assert match_licenses(table("\ufeffpath\tlicense\r\nabc.mp4\tMIT\r\n"), sources) == {"abc_1_11": "MIT"}


def test_only_videos_that_are_in_are_counted(tmp_path):
    record_licenses(str(tmp_path), {"a": "MIT", "b": "MIT", "gone": "CC0"})
    record_licenses(str(tmp_path), {"c": "CC0"})
    assert count_licenses(str(tmp_path), pa.chunked_array([["a", "b", "c", "d"]])) == {
        "MIT": 2,
        "CC0": 1,
        NOT_STATED: 1,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,note\nx,y\n", "has no rows with the columns"),
        ("path,license\nx.mp4,MIT\n", "names none of the 3 videos"),
        (b"path,license\ncaf\xe9.mp4,MIT\n", "--licenses: .* is not UTF-8 at byte 16; save it as UTF-8"),
    ],
    ids=["column", "videos", "encoding"],
)
def test_a_table_that_helps_nobody_is_refused(table, text, words):
    with pytest.raises(InputError, match=words):
        match_licenses(table(text), SOURCES)
