import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.sources.listing import list_sources
from datasets.sources.source import Text
from datasets.sources.table import index, is_table
from infra.errors import InputError

ROWS = [
    {"video": "a.mp4", "label": "dog", "caption_1": "a dog", "caption_2": "it barks", "split": "val", "fold": "2"},
    {"video": "deep/b.mp4", "label": "cat", "caption_1": "a cat", "caption_2": "", "split": "TRAIN", "fold": "1"},
]


@pytest.fixture
def write(tmp_path):
    """Writes rows as a table of a format; returns its path."""

    def run(rows, ending):
        path = tmp_path / f"table.{ending}"
        if ending == "parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        elif ending == "jsonl":
            path.write_text("".join(json.dumps(row) + "\n\n" for row in rows))
        else:
            separator = "\t" if ending == "tsv" else ","
            lines = [rows[0], *(row.values() for row in rows)]
            path.write_text("\n".join(separator.join(line) for line in lines), encoding="utf-8-sig")
        return str(path)

    return run


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_table_of_every_format_gives_the_same_sources(write, tmp_path, ending):
    first, second = list_sources(write(ROWS, ending), video_root=None, classes=())[0]
    assert (first.path, first.video_id) == (str(tmp_path / "a.mp4"), "a.mp4")
    assert (first.label, first.split, first.fold) == ("dog", "validation", 2)
    assert first.texts == (Text(role="caption", text="a dog"), Text(role="caption", text="it barks"))
    assert (second.path, second.split) == (str(tmp_path / "deep" / "b.mp4"), "train")
    assert [text.text for text in second.texts] == ["a cat"]


def test_table_paths_may_be_absolute_or_below_video_root(write, tmp_path):
    table = write([{"audio": "/else/a.wav"}, {"audio": "./b.wav"}, {"audio": "s3://x/c.wav"}], "jsonl")
    found, _ = list_sources(table, video_root=str(tmp_path / "root"), classes=())
    assert [source.path for source in found] == ["/else/a.wav", str(tmp_path / "root" / "b.wav"), "s3://x/c.wav"]


def test_table_columns_of_other_names_are_mapped(write):
    table = write([{"file": "x.PNG", "class": "7", "line": "a", "other": "b", "label": "no"}], "csv")
    columns = ["path=file,label=class", "caption=line", "caption=other"]
    said = []
    ((source,), _) = index(table, "/videos", columns, say=said.append)
    assert (source.path, source.image, source.label) == ("", "/videos/x.PNG", "7")
    assert [text.text for text in source.texts] == ["a", "b"]
    assert said == ["columns  label not read; --columns NAME=COLUMN would"]


def test_table_lists_and_times_give_several_texts(write):
    narration = [{"text": "he hits it", "start": 1.5, "end": 2}, "he rests"]
    table = write([{"video": "a.mp4", "narration": narration, "start": 1, "end": 9.5, "recording": "r"}], "jsonl")
    ((source,), _) = index(table, "/videos")
    assert source.texts == (
        Text(role="narration", text="he hits it", start_seconds=1.5, end_seconds=2.0),
        Text(role="narration", text="he rests"),
    )
    assert (source.start_seconds, source.end_seconds, source.catalog_id) == (1.0, 9.5, "r")
    assert source.video_id == "a.mp4_1_9.5"


def test_table_rows_of_one_file_join_their_texts(write):
    rows = [{"image": "a.jpg", "caption": text, "title": "the title"} for text in ("one", "two", "one")]
    ((source,), errors) = index(write(rows, "csv"), "/videos")
    assert [text.text for text in source.texts] == ["one", "the title", "two"]
    assert [(row["reason"], row["detail"]) for row in errors] == [("listed twice", "line 4")]


def test_table_rows_of_one_file_that_contradict_are_errors(write):
    rows = [{"image": "a.jpg", "label": "cat"}, {"image": "./a.jpg", "label": "dog"}]
    ((source,), errors) = index(write(rows, "csv"), "/videos")
    assert source.label == "cat"
    assert [(row["source"], row["reason"]) for row in errors] == [("/videos/a.jpg", "contradicts itself")]
    assert errors[0]["detail"] == "line 3: label 'dog', 'cat' in a line before"


def test_table_questions_keep_their_order_over_rows(write):
    rows = [{"image": "a.jpg", "question": f"how many {name}?", "answer": "two"} for name in ("dogs", "cats")]
    ((source,), _) = index(write(rows, "csv"), "/videos")
    assert [text.text for text in source.texts] == ["how many dogs?", "two", "how many cats?", "two"]


def test_table_of_texts_alone_has_names_by_content(write):
    (first, second), errors = index(write([{"title": "a"}, {"title": "b"}, {"title": "a"}], "csv"), "/videos")
    assert (first.path, first.image) == ("", "")
    assert first.video_id != second.video_id
    assert [row["reason"] for row in errors] == ["listed twice"]


def test_table_quotes_hold_commas_and_line_breaks(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('image,caption\na.jpg,"one, two\nthree"\n')
    assert index(str(path), "/videos")[0][0].texts[0].text == "one, two\nthree"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path,class\na,b\n", True),
        (",path\n0,a\n", True),
        ("file,class\na,b\n", True),
        ("label,youtube_id,time_start,time_end,split\n", False),
        ("YTID,start_seconds,end_seconds,positive_labels\n", False),
        ("path,youtube_id,label\na.mp4,x,b\n", True),
        ("abc,5.0,15.0,0.5,0.5\n", False),
        ("abc,5,dog,train\n", False),
        ("# Segments\nabc, 5.0, 6.0, x\n", False),
        ("", False),
    ],
)
def test_table_is_told_from_the_official_catalogs(tmp_path, text, expected):
    path = tmp_path / "some.csv"
    path.write_text(text)
    assert is_table(str(path)) == expected


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("file,class\na,b\n", [], "has the columns file, class, none of which .* known are path, video"),
        ("path\na\n", ["label=class"], "has no column 'class'; it has path"),
        ("path\na\n", ["name=path"], "'name=path' is not NAME=COLUMN"),
        ("path,fold\na,x\n", [], "line 2: fold 'x' is no whole number"),
        ("path,split\na,all\n", [], "split 'all' is none of train"),
        ("path,start,end\na,3,2\n", [], "end 2 is not after start 3"),
        ("path,start\na,nan\n", [], "start 'nan' is no number"),
        ("path,start\na,-1\n", [], "start '-1' is no number"),
        ("video,audio\na,b\n", [], "'a' and 'b' are two files of one row"),
        ("path,label\na,b,c\n", [], "line 2 has 3 values, the first line names 2 columns"),
        ("path,label\n,b\n", [], "line 2: names neither a file nor a text"),
        ("path,label\n", [], "has no rows"),
    ],
)
def test_table_mistakes_are_one_line_with_the_remedy(tmp_path, text, columns, message):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        index(str(path), "/videos", columns)


def test_table_files_that_cannot_be_read_are_named(tmp_path):
    for name, data, message in (
        ("a.jsonl", b"{}\n[1]\n", "line 2 is no JSON object"),
        ("b.jsonl", b'{"caption": "\\ud800"}\n', "line 1: .* is not UTF-8"),
        ("c.jsonl", b'{"label": ["a"], "path": "x"}\n', r"line 1: \['a'\] is not one value"),
        ("d.jsonl", b'{"caption": [{"words": "x"}]}\n', "caption has the unknown key 'words'"),
        ("e.csv", b"path\n\xff\n", "is not UTF-8 at byte 5"),
        ("f.parquet", b"PAR1", "is no whole Parquet file"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(InputError, match=message):
            index(str(path), "/videos")
    for name in ("none.jsonl", "none.csv"):
        with pytest.raises(InputError, match="does not exist"):
            list_sources(str(tmp_path / name), video_root=None, classes=())


def test_columns_are_refused_where_there_is_no_table(tmp_path):
    with pytest.raises(InputError, match=r"--columns: .* is no table; give a file that ends in \.csv"):
        list_sources(str(tmp_path), video_root=None, classes=(), columns=("label=class",))
