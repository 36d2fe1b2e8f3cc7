"""Datasets of stills and of sounds are merged and lose sources like those of videos."""

import json
import shutil
from pathlib import Path

import pytest

from datasets.card import read_card
from datasets.doctor import examine
from datasets.editing.merge import merge_datasets
from datasets.editing.remove import remove_videos
from infra.errors import InputError

pytestmark = pytest.mark.ray


@pytest.fixture(params=["photo_dataset", "sound_dataset"])
def whole(request):
    return request.getfixturevalue(request.param)


def names(found):
    return {row["video_id"] for row in found.values()}


def test_remove_takes_out_stills_and_sounds(whole, rows, tmp_path):
    dataset = shutil.copytree(whole, tmp_path / "dataset")
    before = rows(dataset)
    gone = sorted(names(before))[:2]
    remove_videos(str(dataset), gone)
    assert rows(dataset) == {clip: row for clip, row in before.items() if row["video_id"] not in gone}
    assert [flag.name for flag in examine(str(dataset)).flags] == []


def test_merge_joins_stills_and_sounds_once(whole, rows, tmp_path):
    every = sorted(names(rows(whole)))
    for name, gone in (("early", every[:4]), ("late", every[6:])):
        shutil.copytree(whole, tmp_path / name)
        remove_videos(str(tmp_path / name), gone)
    merged = merge_datasets([str(tmp_path / "early"), str(tmp_path / "late")], str(tmp_path / "all"))
    assert merged.copies == every[4:6]
    assert rows(tmp_path / "all") == rows(whole)
    assert merged.card["holds"] == read_card(whole)["holds"]


def test_merge_of_different_kinds_is_refused(photo_dataset, sound_dataset, tmp_path):
    with pytest.raises(InputError, match="was prepared with modalities="):
        merge_datasets([photo_dataset, sound_dataset], str(tmp_path / "all"))
    assert json.loads(Path(photo_dataset, "config.json").read_text())["modalities"] == ["image", "text"]
