"""Balanced classes from the option to the batches."""

import dataclasses
from collections import Counter

import pytest

from datasets.reading.selection import Selection
from datasets.reading.stream import Stream
from infra.errors import InputError
from workflows.recipes import multisensory
from workflows.train.fit import Scaling, fit, make_job
from workflows.train.loop import read_plan

pytestmark = pytest.mark.ray


def balanced():
    config = multisensory.tiny()
    loader = dataclasses.replace(config.loader, batch_pairs=1, balance_classes=True)
    return dataclasses.replace(config, loader=loader)


def job(dataset, config, **selected):
    return make_job(
        "multisensory",
        config,
        dataset=dataset,
        run_name="balanced",
        scaling=Scaling(num_workers=0),
        selection=Selection(**selected),
    )


def test_batches_hold_whole_pairs_of_all_classes_equally_often(small_dataset, tracking, small_config):
    plan = read_plan(job(small_dataset, balanced()), rank=0, world_size=1)
    columns = ["label", "pair_id", "clip_id", "waveform"]
    stream = Stream(plan, columns=columns, config=small_config, first_epoch=0, num_epochs=2)
    for epoch in range(2):
        batches = list(stream.epoch(epoch))
        assert len(batches) == plan.num_pairs
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
    options = {"dataset": small_dataset, "run_name": "balanced", "scaling": Scaling(num_workers=0)}
    assert not fit("multisensory", stopping, **options).finished
    other = dataclasses.replace(config, loader=dataclasses.replace(config.loader, balance_classes=False))
    with pytest.raises(InputError, match="stopped inside an epoch, and its data"):
        fit("multisensory", other, resume=True, **options)
    assert fit("multisensory", config, resume=True, **options).finished


def test_one_class_alone_cannot_be_balanced(small_dataset, tracking):
    label = next(iter(job(small_dataset, balanced()).labels[0]))
    with pytest.raises(InputError, match=f"loader.balance_classes: .* are all of the class '{label}'; leave it out"):
        job(small_dataset, balanced(), classes=(label,))
