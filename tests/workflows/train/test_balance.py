"""Balanced classes from the option to the batches."""

import dataclasses
import itertools
from collections import Counter

import pytest

from datasets.reading.selection import Selection
from datasets.reading.stream import BatchStream
from infra.errors import InputError
from workflows.recipes import multisensory
from workflows.train.fit import fit
from workflows.train.job import Scaling, make_job, read_plans

pytestmark = pytest.mark.ray


def balanced():
    config = multisensory.tiny()
    loader = dataclasses.replace(config.loader, batch_size=1, balance_classes=True)
    return dataclasses.replace(config, loader=loader)


def job(dataset, config, **selected):
    return make_job(
        "multisensory",
        config,
        data=dataset,
        run_name="balanced",
        scaling=Scaling(num_workers=0),
        selection=Selection(**selected),
    )


def test_batches_hold_whole_pairs_of_all_classes_equally_often(small_dataset, tracking, small_config):
    plan = read_plans(job(small_dataset, balanced()), rank=0, world_size=1)["clips"]
    columns = ["label", "pair_id", "clip_id", "waveform"]
    stream = BatchStream(plan, columns=columns, config=small_config).batches()
    for _ in range(2):
        batches = list(itertools.islice(stream, plan.steps_per_epoch))
        assert len(batches) == plan.num_units
        for batch in batches:
            (first, second), clips = batch["pair_id"], batch["clip_id"]
            assert first == second
            assert clips[0] != clips[1]
        counts = Counter(batch["label"][0] for batch in batches)
        assert len(counts) > 1
        assert max(counts.values()) - min(counts.values()) <= 1


def test_a_run_on_balanced_classes_trains_and_goes_on_only_so(small_dataset, tracking):
    config = balanced()
    stopping = dataclasses.replace(config, cadence=dataclasses.replace(config.cadence, max_minutes=0.0))
    options = {"data": small_dataset, "run_name": "balanced", "scaling": Scaling(num_workers=0)}
    assert not fit("multisensory", stopping, **options).finished
    other = dataclasses.replace(config, loader=dataclasses.replace(config.loader, balance_classes=False))
    with pytest.raises(InputError, match="balance-classes: 'balanced' began with True, now it is False"):
        fit("multisensory", other, resume=True, **options)
    assert fit("multisensory", config, resume=True, **options).finished


def test_one_class_alone_cannot_be_balanced(small_dataset, tracking):
    label = job(small_dataset, balanced()).main.labels[0][0]
    with pytest.raises(InputError, match=f"loader.balance_classes: .* are all of the class '{label}'; leave it out"):
        job(small_dataset, balanced(), classes=(label,))
