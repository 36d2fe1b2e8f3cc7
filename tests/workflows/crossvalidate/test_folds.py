"""Cross-validation: every recording is judged once, by a model that has not seen it, and a stopped run goes on."""

import dataclasses

import pytest

from datasets.reading.selection import Selection, select_units
from infra import storage
from infra.errors import InputError
from infra.tracking import find_run
from workflows.crossvalidate.folds import crossvalidate
from workflows.recipes import multisensory
from workflows.train.job import Scaling

pytestmark = pytest.mark.ray

CONFIG = dataclasses.replace(
    multisensory.tiny(), cadence=dataclasses.replace(multisensory.tiny().cadence, epochs=1), seed=3
)


def run(dataset, num_folds=2):
    options = {"data": {"clips": dataset}, "run_name": "crossed", "num_folds": num_folds}
    return crossvalidate("multisensory", CONFIG, scaling=Scaling(num_workers=0), **options)


def test_crossvalidation_judges_every_pair_once_and_goes_on_where_it_was_stopped(small_dataset, tracking):
    report = run(small_dataset)
    pairs = select_units(small_dataset, "all", unit="pair").screened.num_units
    accuracy = report.figures["sync_accuracy"]
    assert accuracy.num_examples <= 4 * pairs
    assert accuracy.num_examples == sum(figure.num_examples for figure in report.breakdowns["fold"])
    assert [figure.title for figure in report.breakdowns["fold"]] == ["fold 0", "fold 1"]
    history = storage.join(storage.run_folder("crossed"), "fold-0", "history.json")
    made = storage.state(history)
    again = run(small_dataset)
    assert again.figures["sync_accuracy"] == report.figures["sync_accuracy"]
    assert storage.state(history) == made
    assert find_run(report.run_id).tag("stage") == "crossvalidation"


def test_crossvalidation_of_one_fold_is_refused(small_dataset, tracking):
    with pytest.raises(InputError, match=r"^--num-folds: 1 leaves nothing to train on; give 2 or more"):
        run(small_dataset, num_folds=1)


def test_crossvalidation_of_too_few_clips_is_refused_with_nothing_written(small_dataset, tracking, tmp_path):
    with pytest.raises(InputError, match=r"^--data: .*training pairs and one step takes"):
        crossvalidate(
            "multisensory",
            dataclasses.replace(CONFIG, loader=dataclasses.replace(CONFIG.loader, batch_size=10_000)),
            data={"clips": small_dataset},
            run_name="crossed",
            num_folds=2,
            scaling=Scaling(num_workers=0),
        )
    assert not (tmp_path / "runs").exists()


def test_folds_of_recordings_part_train_validation_and_test(small_dataset):
    places = {}
    for fold in range(3):
        for split in ("train", "validation", "test"):
            found = select_units(small_dataset, split, unit="pair", selection=Selection(held_out=(fold, 3)))
            places[fold, split] = {(group.uri, row) for group in found.groups for row in group.units}
        parts = [places[fold, split] for split in ("train", "validation", "test")]
        assert all(parts)
        assert sum(len(part) for part in parts) == len(set.union(*parts))
    tests = [places[fold, "test"] for fold in range(3)]
    whole = select_units(small_dataset, "all", unit="pair").screened.num_units
    assert len(set.union(*tests)) == sum(map(len, tests)) == whole
