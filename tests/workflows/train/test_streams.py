"""Several streams: an epoch is one pass over the first, the others repeat, and a run resumes at the same place in all of them."""

import dataclasses
import importlib
from pathlib import Path

import pytest

import workflows.recipes
from infra.errors import InputError
from workflows.contract.registry import load_recipe
from workflows.contract.streams import Stream, check_card, parse_data
from workflows.train import loop
from workflows.train.fit import fit
from workflows.train.job import Scaling, make_job, read_plans
from workflows.trained.model import loaded

pytestmark = pytest.mark.ray
STREAMS = {name: Stream(columns=("log_mel",)) for name in ("images", "sounds")}


@pytest.fixture
def recipe(monkeypatch):
    """A recipe of two streams, found by its file name as any other."""
    folder = str(Path(__file__).parent / "recipes")
    monkeypatch.setattr(workflows.recipes, "__path__", [*workflows.recipes.__path__, folder])
    importlib.invalidate_caches()
    module = load_recipe("two_streams")
    module.SEEN.clear()
    return module


@pytest.fixture
def data(small_dataset):
    return {"labeled": small_dataset, "paired": small_dataset}


def job(recipe, data, config=None):
    options = {"run_name": "x", "scaling": Scaling(num_workers=0)}
    return make_job("two_streams", config or recipe.paper(), data=data, **options)


def test_all_ranks_take_equally_many_steps_of_every_stream(recipe, data, tracking):
    plans = [read_plans(job(recipe, data), rank=rank, world_size=2) for rank in range(2)]
    assert {plan["labeled"].steps_per_epoch for plan in plans} == {plans[0]["labeled"].num_units // 4}
    assert plans[0]["labeled"].num_units == 2 * plans[0]["paired"].num_units
    assert plans[0]["labeled"].seed != plans[0]["paired"].seed


def test_an_epoch_is_one_pass_over_the_first_and_the_others_repeat(recipe, data, tracking):
    result = fit("two_streams", recipe.paper(), data=data, run_name="both", scaling=Scaling(num_workers=0))
    assert result.finished
    plan = read_plans(job(recipe, data), rank=0, world_size=1)
    steps = plan["labeled"].steps_per_epoch
    assert len(recipe.SEEN) == 2 * steps
    labeled = [clip for step in recipe.SEEN[:steps] for clip in step["labeled"]]
    assert len(set(labeled)) == len(labeled)
    paired = [clip for step in recipe.SEEN[:steps] for clip in step["paired"]]
    once = 2 * 2 * plan["paired"].steps_per_epoch
    assert len(set(paired[:once])) == once < len(paired)
    assert set(paired[once:]) <= {f"{clip.partition('#')[0]}#{number}" for clip in paired[:once] for number in (0, 1)}


def test_a_resumed_run_sees_the_clips_of_all_streams_that_it_would_have_seen(recipe, data, tracking, monkeypatch):
    monkeypatch.setattr(loop, "_STEPS_BETWEEN_CHECKS", 1)
    options = {"data": data, "scaling": Scaling(num_workers=0)}
    fit("two_streams", recipe.paper(), run_name="whole", **options)
    whole = list(recipe.SEEN)
    recipe.SEEN.clear()
    stopping = dataclasses.replace(recipe.paper().cadence, max_minutes=0.0)
    fit("two_streams", dataclasses.replace(recipe.paper(), cadence=stopping), run_name="halves", **options)
    assert len(recipe.SEEN) == 1
    fit("two_streams", recipe.paper(), run_name="halves", resume=True, **options)
    assert whole == recipe.SEEN


def test_balanced_classes_and_screening_hold_for_every_stream(recipe, data, tracking):
    config = dataclasses.replace(
        recipe.paper(), loader=dataclasses.replace(recipe.paper().loader, balance_classes=True)
    )
    found = job(recipe, data, config)
    assert all(part.labels for part in found.streams.values())
    assert {part.unit: part.screened["train"].num_units for part in found.streams.values()}.keys() == {"row", "pair"}


def test_references_are_resolved_once_and_opened_from_the_same_copy(recipe, data, tracking, tmp_path):
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "vectors.txt").write_text("dog 1 0")
    config = dataclasses.replace(recipe.paper(), initial=f"file:{tmp_path / 'words'}")
    result = fit("two_streams", config, data=data, run_name="built", scaling=Scaling(num_workers=0))
    copy = Path(result.run_folder, "references", "initial", "vectors.txt")
    assert copy.read_text() == "dog 1 0"
    with loaded(result.model_folder) as model:
        assert model.description["references"]["initial"]["fingerprint"]
        assert model.module.opened == {}  # a trained model carries all its weights
    copy.write_text("dog 0 1")
    longer = dataclasses.replace(config, cadence=dataclasses.replace(config.cadence, epochs=3))
    with pytest.raises(InputError, match=r"here it has the fingerprint .*, the run began with"):
        fit("two_streams", longer, data=data, run_name="built", scaling=Scaling(num_workers=0), resume=True)


def test_an_absent_reference_is_refused_before_training(recipe, data, tracking):
    for uri, words in (("file:/no/such", "does not exist"), ("package:nothing", "there is none of that name")):
        config = dataclasses.replace(recipe.paper(), initial=uri)
        with pytest.raises(InputError, match=f"references.initial: .*{words}"):
            fit("two_streams", config, data=data, run_name="absent", scaling=Scaling(num_workers=0))


def test_data_are_given_by_stream_or_alone(tmp_path):
    assert parse_data(["/x"], {"only": STREAMS["images"]}) == {"only": "/x"}
    assert parse_data(["sounds=/s", "images=/i"], STREAMS) == {"images": "/i", "sounds": "/s"}
    for values, words in (
        (["/x"], "names no stream; give images=PATH sounds=PATH"),
        (["images=/i"], "--data: missing; say which dataset to read, --data sounds=PATH"),
        (["images=/i", "images=/j", "sounds=/s"], "is the second dataset for images"),
    ):
        with pytest.raises(InputError, match=words):
            parse_data(values, STREAMS)


def test_what_a_stream_requires_is_looked_for_in_the_card():
    card = {"splits": {"train": {"pairs": 0}}, "config": {"label_mode": "pairs"}, "holds": {"log_mel": {"train": 3}}}
    check_card("d", card, STREAMS["images"])
    with pytest.raises(
        InputError, match=r"no clip in the train split of 'd' holds texts:caption, .*; they hold log_mel"
    ):
        check_card("d", card, Stream(columns=("log_mel",), requires=("texts:caption",)))
    with pytest.raises(InputError, match="the train split of 'd' has no pairs; prepare with pairs"):
        check_card("d", card, Stream(columns=("log_mel",), unit="pair"))
