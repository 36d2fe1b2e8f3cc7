"""A dataset is embedded into an index and searched by words and by a picture, from the command line to the page."""

import dataclasses
import json
import re
import sys

import numpy as np
import pytest
from PIL import Image

from datasets.reading.reader import read
from infra.errors import InputError
from workflows.cli import command
from workflows.embed import __main__ as embed_verb
from workflows.embed.embedding import embed_dataset
from workflows.embed.index import INDEX, read_index, write_part
from workflows.evaluate.spread import Spread
from workflows.recipes import see_hear_read
from workflows.search import __main__ as search_verb
from workflows.search.gallery import describe_hits, write_hits
from workflows.search.query import Found, find
from workflows.train.fit import fit
from workflows.train.job import Scaling

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def model(small_dataset, tracking_template, tmp_path_factory):
    """Folder of a model of pictures and captions, after a step or two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SENSORIUM_HOME", str(tmp_path_factory.mktemp("model")))
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tracking_template}")
        config = dataclasses.replace(see_hear_read.tiny(), sounds=False)
        return fit(
            "see_hear_read", config, data=small_dataset, run_name="shared", scaling=Scaling(num_workers=0)
        ).model_folder


@pytest.fixture(scope="module")
def index(model, small_dataset, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("index"))
    embed_dataset(model, dataset=small_dataset, split="all", modality="image", folder=folder)
    return folder


def call(verb, name, *options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [name, *map(str, options)])
        command.run(verb.main)


def test_index_holds_every_clip_at_unit_length(index, small_dataset):
    found = read_index(index)
    clips = list(read(small_dataset, "all", columns=("clip_id", "start_seconds")))
    assert found.items["clip_id"] == [clip["clip_id"] for clip in clips]
    assert found.items["start_seconds"] == [clip["start_seconds"] for clip in clips]
    np.testing.assert_allclose(np.linalg.norm(found.embeddings, axis=1), 1, atol=1e-5)


def test_embeddings_do_not_depend_on_workers(index, model, small_dataset, tmp_path):
    spread = Spread(model=model, num_workers=2)
    embed_dataset(model, dataset=small_dataset, split="all", modality="image", folder=str(tmp_path), spread=spread)
    np.testing.assert_allclose(read_index(str(tmp_path)).embeddings, read_index(index).embeddings, atol=1e-5)


def test_a_picture_of_a_clip_finds_that_clip(index, model, small_dataset, tmp_path):
    clip = next(iter(read(small_dataset, "test", columns=("frames", "clip_id"))))
    frames = clip["frames"]
    Image.fromarray(frames[len(frames) // 2]).save(tmp_path / "still.png")
    found = find(index, str(tmp_path / "still.png"), num_hits=3)
    assert found.hits[0]["cosine"] == pytest.approx(1, abs=1e-5)
    best = {hit["clip_id"] for hit in found.hits if hit["cosine"] > 1 - 1e-5}
    assert clip["clip_id"] in best


def test_words_find_clips_in_the_order_of_their_cosine(index, capsys, tmp_path):
    call(
        search_verb, "search", "--index", index, "--query", "a red ball", "--num-hits", 5, "--output", tmp_path / "hits"
    )
    printed = capsys.readouterr().out
    cosines = [float(value) for value in re.findall(r"^ +\d+ +(-?\d\.\d{3})", printed, re.MULTILINE)]
    assert len(cosines) == 5
    assert cosines == sorted(cosines, reverse=True)
    hits = json.loads((tmp_path / "hits" / "hits.json").read_text())["hits"]
    assert [round(hit["cosine"], 3) for hit in hits] == cosines
    page = (tmp_path / "hits" / "index.html").read_text()
    assert page.count("<video ") == 5
    assert re.search(r'src="file:///[^"]+\.mp4#t=\d+\.\d\d,\d+\.\d\d"', page)


def test_embedding_goes_on_where_it_was_stopped_and_refuses_another_index(
    index, model, small_dataset, tmp_path, capsys
):
    options = ("--model", model, "--data", small_dataset, "--output", tmp_path)
    call(embed_verb, "embed", *options)
    part = tmp_path / "part-00000.parquet"
    before = part.stat().st_mtime_ns
    (tmp_path / INDEX).unlink()
    (tmp_path / "begun.json").write_text(json.dumps(dataclasses.asdict(read_index(index).description)))
    call(embed_verb, "embed", *options)
    assert part.stat().st_mtime_ns == before
    assert f"index    {tmp_path}: " in capsys.readouterr().out
    with pytest.raises(SystemExit):
        call(embed_verb, "embed", *options, "--split", "test")
    assert "holds an index with split=all, now it is test; give a new folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("qqqq zzzz", "--query: the model knows no word of 'qqqq zzzz'; give other words"),
        ("gone.png", "--query: 'gone.png' does not exist; give a picture's file, or words"),
    ],
)
def test_a_query_that_says_nothing_is_refused(index, query, words):
    with pytest.raises(InputError, match=re.escape(words)):
        find(index, query)


def test_a_query_by_another_version_of_the_model_is_refused(index, trained):
    with pytest.raises(InputError, match="is another version than made the index"):
        find(index, "a red ball", model=trained.model_folder)


def test_a_model_without_embeddings_is_refused(trained, small_dataset, tmp_path):
    with pytest.raises(InputError, match="one of the recipe multisensory offers no embed"):
        embed_dataset(trained.model_folder, dataset=small_dataset, split="all", modality="image", folder=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_text_of_clips_cannot_become_markup(index, tmp_path):
    description = read_index(index).description
    hit = {
        "clip_id": "0",
        "source": "/tmp/<b>x\u001b[31m</b>.jpg",
        "start_seconds": None,
        "label": None,
        "text": "<script>alert(1)</script>",
        "cosine": 0.5,
    }
    found = Found(query="<i>", index=description, num_clips=1, hits=(hit,))
    write_hits(str(tmp_path), found)
    page = (tmp_path / "index.html").read_text()
    assert "<script" not in page
    assert "<i>" not in page
    assert "<b>x" not in page
    assert "\u001b" not in describe_hits(found)


def test_parts_are_written_whole(tmp_path):
    items = {"clip_id": ["0"], "source": ["a"], "start_seconds": [None], "label": [None], "text": [None]}
    write_part(str(tmp_path / "part.parquet"), items, np.ones((1, 3), np.float32))
    assert [path.name for path in tmp_path.iterdir()] == ["part.parquet"]
