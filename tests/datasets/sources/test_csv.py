import os

import pytest

from datasets.sources import csv
from datasets.sources.listing import list_sources
from infra.errors import InputError

KINETICS = "label,youtube_id,time_start,time_end,split\nclapping,abc,5,15,train\ngone,xyz,0,10,train\n"
AVSPEECH = "abc,5.0,15.0,0.5,0.5\nxyz,0.0,10.0,0.1,0.1\n"
VGGSOUND = 'abc,5,"dog barking, loud",train\nxyz,0,cat,test\n'
AUDIOSET = '# Segments csv\n# num_ytids=2\n# YTID, start_seconds, end_seconds, positive_labels\nabc, 5.000, 15.000, "/m/1,/m/2"\nxyz, 0.000, 10.000, "/m/3"\n'
LABELS = {"kinetics": "clapping", "avspeech": None, "vggsound": "dog barking, loud", "audioset": "/m/1,/m/2"}
CATALOGS = {"kinetics": KINETICS, "avspeech": AVSPEECH, "vggsound": VGGSOUND, "audioset": AUDIOSET}


@pytest.mark.parametrize("file", ["abc.mp4", "abc_000005_000015.mp4", "abc_5000_15000.webm", "abc_000005.mkv"])
@pytest.mark.parametrize("kind", CATALOGS)
def test_a_catalog_finds_its_videos_and_reports_the_missing(tmp_path, kind, file):
    catalog = tmp_path / "catalog.csv"
    catalog.write_text(CATALOGS[kind])
    root = tmp_path / "videos" / "deep"
    root.mkdir(parents=True)
    (root / file).touch()
    (source,), (missing,) = csv.index(str(catalog), str(tmp_path / "videos"))
    assert source.path == str(root / file)
    assert source.label == LABELS[kind]
    assert source.catalog_id == "abc"
    whole = file == "abc.mp4"
    assert (source.start_seconds, source.end_seconds) == ((5.0, 15.0) if whole else (None, None))
    assert missing["reason"] == "file missing"
    assert missing["source"].startswith("xyz")


def test_unknown_columns_and_broken_lines_are_named(tmp_path):
    catalog = tmp_path / "catalog.csv"
    catalog.write_text("label,youtube_id,begin\nx,abc,1\n")
    with pytest.raises(InputError, match="unknown column 'begin'"):
        csv.index(str(catalog), str(tmp_path))
    catalog.write_text("abc,5.0,15.0,0.5,0.5\nabc,five,6,1,1\n")
    with pytest.raises(InputError, match="line 2"):
        csv.index(str(catalog), str(tmp_path))


def test_a_catalog_below_a_folder_that_is_not_utf8_gives_error_rows(tmp_path):
    catalog = tmp_path / "catalog.csv"
    catalog.write_text(KINETICS)
    root = tmp_path / "videos" / os.fsdecode(b"\xe9t\xe9")
    root.mkdir(parents=True)
    (root / "abc.mp4").touch()
    sources, missing = list_sources(str(catalog), video_root=str(tmp_path / "videos"), classes=())
    assert sources == []
    assert [row["reason"] for row in missing] == ["file missing", "name is not UTF-8"]
    assert missing[1]["source"].endswith(r"/\xe9t\xe9/abc.mp4")
