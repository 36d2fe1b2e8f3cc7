import json
import os

import pytest

from datasets.sources import catalog
from datasets.sources.listing import list_sources
from datasets.sources.source import Box
from infra.errors import InputError

KINETICS = "label,youtube_id,time_start,time_end,split\nclapping,abc,5,15,train\ngone,xyz,0,10,train\n"
AVSPEECH = "abc,5.0,15.0,0.5,0.5\nxyz,0.0,10.0,0.1,0.1\n"
VGGSOUND = 'abc,5,"dog barking, loud",train\nxyz,0,cat,test\n'
AUDIOSET = '# Segments csv\n# num_ytids=2\n# YTID, start_seconds, end_seconds, positive_labels\nabc, 5.000, 15.000, "/m/1,/m/2"\nxyz, 0.000, 10.000, "/m/3"\n'
LABELS = {"kinetics": "clapping", "avspeech": None, "vggsound": "dog barking, loud", "audioset": "/m/1,/m/2"}
CATALOGS = {"kinetics": KINETICS, "avspeech": AVSPEECH, "vggsound": VGGSOUND, "audioset": AUDIOSET}


@pytest.fixture
def listed(tmp_path):
    """Lists a catalog's text beside files of some names; returns sources, error rows and what was said."""

    def run(text, *files, name="catalog.csv", **options):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        (tmp_path / "videos").mkdir(exist_ok=True)
        for file in files:
            (tmp_path / "videos" / file).touch()
        said = []
        options = {"classes": (), **options}
        found = list_sources(str(tmp_path / name), video_root=str(tmp_path / "videos"), say=said.append, **options)
        return *found, said

    return run


@pytest.mark.parametrize("file", ["abc.mp4", "abc_000005_000015.mp4", "abc_5000_15000.webm", "abc_000005.mkv"])
@pytest.mark.parametrize("kind", CATALOGS)
def test_a_catalog_finds_its_videos_and_reports_the_missing(tmp_path, kind, file):
    (tmp_path / "catalog.csv").write_text(CATALOGS[kind])
    root = tmp_path / "videos" / "deep"
    root.mkdir(parents=True)
    (root / file).touch()
    (source,), (missing,) = catalog.index(str(tmp_path / "catalog.csv"), str(tmp_path / "videos"))
    assert source.path == str(root / file)
    assert source.label == LABELS[kind]
    assert source.catalog_id == "abc"
    whole = file == "abc.mp4"
    assert (source.start_seconds, source.end_seconds) == ((5.0, 15.0) if whole else (None, None))
    assert missing["reason"] == "file missing"
    assert missing["source"].startswith("xyz")


FORMATS = {
    "kinetics 400": "label,youtube_id,time_start,time_end,split,is_cc\ndog,abc,5,15,{split},0\n",
    "kinetics 700": "label,youtube_id,time_start,time_end,split\ndog,abc,5,15,{split}\n",
    "kinetics without header": "dog,abc,5,15,{split}\n",
    "kinetics with is_cc without header": "dog,abc,5,15,{split},0\n",
    "vggsound": "abc,5,dog,{split}\n",
    "vggsound with a comment": "# YouTube ID, start seconds, label, train/test split.\nabc,5,dog,{split}\n",
    "vggsound with header": "YouTube ID,start seconds,label,train/test split\nabc,5,dog,{split}\n",
    "audioset with header": "YTID,start_seconds,end_seconds,positive_labels\nabc,5.000,15.000,dog\n",
    "audioset without comments": 'abc, 5.000, 15.000, "dog"\n',
}


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_catalog_is_read_as_published(listed, kind, separator, end, bom):
    text = FORMATS[kind].format(split="test").replace(",", separator).replace("\n", end)
    ((source,), missing, _) = listed(bom + text.encode(), "abc.mp4", name="c.tsv" if separator == "\t" else "c.csv")
    assert missing == []
    assert (source.video_id, source.label, source.catalog_id) == ("abc_5_15", "dog", "abc")
    assert source.split == ("test" if "{split}" in FORMATS[kind] else None)


@pytest.mark.parametrize(
    "text", ["youtube_id,time_start,time_end,split\nabc,5,15,test\n", "abc,5,15,test\n", "abc\t5\t15\ttest\n"]
)
def test_a_catalog_of_test_videos_has_no_labels(listed, text):
    ((source,), _, _) = listed(text, "abc.mp4")
    assert (source.label, source.split, source.end_seconds) == (None, "test", 15.0)


def test_a_catalog_names_the_columns_that_are_not_read(listed):
    *_, said = listed(FORMATS["kinetics 400"].format(split="train"), "abc.mp4")
    assert said[0] == "columns  is_cc not read"
    *_, said = listed(AVSPEECH, "abc.mp4")
    assert said == ["columns  x, y not read"]


@pytest.mark.parametrize(
    ("word", "split"),
    [("train", "train"), ("val", "validation"), ("validate", "validation"), ("test", "test"), ("", None)],
)
def test_a_catalog_keeps_its_official_splits(listed, word, split):
    text = f"label,youtube_id,time_start,time_end,split\nx,abc,5,15,{word}\n"
    assert listed(text, "abc.mp4")[0][0].split == split
    assert listed(text, "abc.mp4", split="hash")[0][0].split is None
    assert listed(text, "abc.mp4", split="test")[0][0].split == "test"


def test_a_catalog_says_which_split_it_lacks(listed):
    *_, said = listed("abc,5,dog,train\nxyz,5,dog,test\n", "abc.mp4", "xyz.mp4")
    assert said == ["splits   official: train 1, test 1; none for validation, --split hash would draw all three"]


def test_a_catalog_that_lists_a_segment_twice_gives_one_source(listed):
    text = "abc,5,dog,train\nabc,5,dog,train\nabc,5,cat,train\nabc,5,dog,test\nabc,30,cat,train\n"
    sources, missing, _ = listed(text, "abc.mp4")
    assert [(source.video_id, source.label) for source in sources] == [("abc_5_15", "dog"), ("abc_30_40", "cat")]
    assert [(row["source"], row["reason"], row["detail"]) for row in missing] == [
        ("abc_5_15", "listed twice", "line 2"),
        ("abc_5_15", "contradicts itself", "line 3: label 'cat', 'dog' in a line before"),
        ("abc_5_15", "contradicts itself", "line 4: split 'test', 'train' in a line before"),
    ]


def test_a_catalog_gives_a_trimmed_file_to_one_segment(listed):
    sources, (error,), _ = listed("abc,5,15,0,0\nabc,5,12,0,0\n", "abc_000005.mp4")
    assert [source.video_id for source in sources] == ["abc_5_15"]
    assert (error["reason"], error["detail"]) == ("listed twice", "abc_5_12 has the file of abc_5_15")


def test_a_catalog_keeps_all_files_of_one_name(listed, tmp_path):
    ((source,), *_) = listed(AVSPEECH, "abc.m4a", "abc.mp4", "abc.wav", "abc.json")
    assert [os.path.basename(path) for path in (source.path, *source.others)] == ["abc.m4a", "abc.mp4", "abc.wav"]
    ((source,), *_) = listed(AVSPEECH, "abc_000005.wav", "abc_000005_000015.mp4")
    assert [os.path.basename(path) for path in (source.path, *source.others)] == [
        "abc_000005_000015.mp4",
        "abc_000005.wav",
    ]


def test_a_catalog_counts_as_missing_only_the_classes_asked_for(listed):
    text = "a,0,laughing,train\nb,0,tickling,train\nc,0,skiing,train\n"
    sources, (missing,), _ = listed(text, "a.mp4", classes=("kinetics-sounds",))
    assert [source.label for source in sources] == ["laughing"]
    assert missing["source"] == "b_0_10"
    with pytest.raises(InputError, match=r"--classes: 'kinetics-sounds' is not in .*choose from skiing"):
        listed("c,0,skiing,train\n", "c.mp4", classes=("kinetics-sounds",))


def test_a_catalog_of_boxes_gives_test_videos_with_boxes(listed):
    entries = [
        {"file": "a_b-c_000030", "class": "dog", "bbox": [[0.25, 0, 1.001, 0.75], [0.5, 0.5, 0.5, 0.5]]},
        {"file": "xyz_000000", "class": "cat", "bbox": [[0.1, 1.0, 0.7, 1.0]]},
    ]
    (first, second), _, _ = listed(json.dumps(entries), "a_b-c_000030.mp4", "xyz.mp4", name="vggss.json")
    assert (first.video_id, first.label, first.split) == ("a_b-c_30_40", "dog", "test")
    assert first.boxes == (Box(0.25, 0.0, 1.0, 0.75, label="dog"),)
    assert (second.boxes, second.start_seconds, second.end_seconds) == (None, 0.0, 10.0)
    for broken in ("{", '{"a": 1}', '[{"file": "abc"}]', '[{"file": "a_x", "class": "c", "bbox": []}]'):
        with pytest.raises(InputError, match=r"not in the format of VGG-SS.*give its vggss\.json"):
            listed(broken, name="vggss.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label,youtube_id,begin\nx,abc,1\n", "has no column 'time_start', it has label, youtube_id, begin; name"),
        ("abc,5.0,15.0,0.5,0.5\nabc,five,6,1,1\n", "line 2: start 'five' is no number of seconds"),
        ("abc,5.0,15.0,0.5,0.5\nabc,5,4,1,1\n", "line 2: end 4 is not after start 5"),
        ("abc,5.0,15.0,0.5,0.5\nabc,nan,4,1,1\n", "line 2: start 'nan' is no number"),
        ("# one\n\nabc,5,dog,train\nabc,5,dog\n", "line 4: 3 values, not 4 as the first line"),
        ("abc,5,dog,train\nabc,5,dog,all\n", "line 2: split 'all' is none of train"),
        ("abc,5,dog,train\n,5,dog,train\n", "line 2: no youtube_id"),
        ("1,2,3\n", "line 1 is not in the format of Kinetics, AVSpeech, VGGSound or AudioSet; .*youtube_id"),
        ("# nothing\n", "has no rows"),
        (b"abc,5,caf\xe9,train\n", "is not UTF-8 at byte 9; save it as UTF-8"),
    ],
)
def test_a_catalog_that_cannot_be_read_is_one_line_with_the_remedy(listed, text, message):
    with pytest.raises(InputError, match=message):
        listed(text, "abc.mp4")


def test_a_catalog_below_a_folder_that_is_not_utf8_gives_error_rows(tmp_path):
    (tmp_path / "catalog.csv").write_text(KINETICS)
    root = tmp_path / "videos" / os.fsdecode(b"\xe9t\xe9")
    root.mkdir(parents=True)
    (root / "abc.mp4").touch()
    sources, missing = list_sources(str(tmp_path / "catalog.csv"), video_root=str(tmp_path / "videos"), classes=())
    assert sources == []
    assert [row["reason"] for row in missing] == ["file missing", "name is not UTF-8"]
    assert missing[1]["source"].endswith(r"/\xe9t\xe9/abc.mp4")
