"""Screening: what a run drops is counted, on record, and the same when the run goes on."""

import dataclasses
from pathlib import Path

import mlflow
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.reading.row_groups import read_rows
from datasets.reading.selection import Selection, select_units
from infra.errors import InputError
from workflows.recipes import multisensory
from workflows.train.fit import fit
from workflows.train.job import Scaling, make_job, read_plans
from workflows.trained.model import loaded

pytestmark = pytest.mark.ray


@pytest.fixture(scope="session")
def loudness(small_dataset):
    """The quieter window of every training pair."""
    tables = [
        read_rows(group.uri, group.index, group.units, ["loudness_db", "silence_share", "motion"])
        for group in select_units(small_dataset, "train", unit="row").groups
    ]
    for table in tables:
        assert np.isfinite(table["motion"].to_numpy()).all()
        assert 0 <= table["silence_share"].to_numpy().min() <= table["silence_share"].to_numpy().max() <= 1
    return np.concatenate([table["loudness_db"].to_numpy().reshape(-1, 2).min(axis=1) for table in tables])


@pytest.fixture
def train(small_dataset, tracking):
    """Trains on part of the pairs."""

    def run(least, **options):
        told = []
        screen = {name: options.pop(name) for name in ("offsets", "max_offset_ms") if name in options}
        result = fit(
            "multisensory",
            options.pop("config", multisensory.tiny()),
            data=small_dataset,
            run_name="screened",
            scaling=Scaling(num_workers=0),
            selection=Selection(min_loudness=least, **screen),
            tell=told.append,
            **options,
        )
        return result, told

    return run


def test_what_is_dropped_is_told_and_on_record_with_run_and_model(train, tracking, loudness):
    least = float(np.median(loudness))
    dropped = int((loudness < least).sum())
    result, told = train(least)
    assert f"screened train      {dropped} of {len(loudness)} pairs dropped: {dropped} too quiet" in told
    data = mlflow.MlflowClient(tracking).get_run(result.run_id).data
    assert data.params["selection.min_loudness"] == str(least)
    assert data.params["train_pairs"] == str(len(loudness) - dropped)
    assert data.params["train_pairs_dropped"] == data.params["train_pairs_below_loudness_db"] == str(dropped)
    with loaded(result.model_folder, recipe="multisensory") as model:
        assert model.description["selection"] == {
            "classes": [],
            "folds": [],
            "exclude_folds": [],
            "held_out": None,
            "min_loudness": least,
            "min_motion": None,
            "offsets": None,
            "max_offset_ms": None,
        }


def test_without_options_nothing_is_screened_and_the_plan_is_as_ever(train, tracking, loudness):
    result, told = train(None)
    assert not [line for line in told if line.startswith("screened")]
    assert mlflow.MlflowClient(tracking).get_run(result.run_id).data.params["train_pairs"] == str(len(loudness))


def test_a_run_goes_on_only_with_the_pairs_that_it_began_with(train, loudness):
    config = multisensory.tiny()
    stopping = dataclasses.replace(config, cadence=dataclasses.replace(config.cadence, max_minutes=0.0))
    least = float(np.median(loudness))
    assert not train(least, config=stopping)[0].finished
    with pytest.raises(
        InputError, match=f"--min-loudness: 'screened' began with {least}, now it is None; give the same"
    ):
        train(None, resume=True)
    assert train(least, resume=True)[0].finished


def test_workers_read_what_was_left(small_dataset, tracking, loudness):
    def plan(least):
        job = make_job(
            "multisensory",
            multisensory.tiny(),
            data=small_dataset,
            run_name="x",
            scaling=Scaling(num_workers=0),
            selection=Selection(min_loudness=least),
        )
        return read_plans(job, rank=0, world_size=1)["clips"]

    least = float(np.median(loudness))
    assert plan(least).num_units == int((loudness >= least).sum())
    assert plan(least).digest != plan(None).digest


def test_too_few_pairs_left_is_refused_with_what_was_asked(train, small_dataset):
    with pytest.raises(InputError, match=r"--min-loudness: -0.001 leaves 0 of \d+ training pairs"):
        train(-0.001)


def test_pairs_of_sources_out_of_sync_are_dropped_counted_and_on_the_card(train, tracking, small_dataset, tmp_path):
    sources = {
        split: [
            source
            for group in select_units(small_dataset, split, unit="row").groups
            for source in read_rows(group.uri, group.index, group.units, ["source"])["source"].to_pylist()
        ]
        for split in ("train", "validation")
    }
    late, silent = sorted(set(sources["train"]))[:2]
    known = {late: 400.0, silent: None} | dict.fromkeys(sources["validation"], 0.0)
    pq.write_table(pa.table({"video": list(known), "offset_ms": list(known.values())}), tmp_path / "files.parquet")
    dropped, undecided = (sources["train"].count(source) // 2 for source in (late, silent))
    result, told = train(None, offsets=str(tmp_path), max_offset_ms=200.0)
    num_pairs = len(sources["train"]) // 2
    line = f"screened train      {dropped} of {num_pairs} pairs dropped: {dropped} out of sync"
    assert line in told
    assert [line for line in told if f"kept: {undecided} pairs whose offset cannot be told, " in line]
    params = mlflow.MlflowClient(tracking).get_run(result.run_id).data.params
    assert params["train_pairs_dropped"] == params["train_pairs_offset_beyond"] == str(dropped)
    assert params["train_pairs_offset_cannot_tell"] == str(undecided)
    assert " ".join(line.split()) in Path(result.model_folder, "card.md").read_text()
