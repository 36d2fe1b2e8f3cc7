"""The four verbs on real files, small: synthetic videos through Ray into Parquet, a trained model, a report, an overlay."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasets.config import PreparationConfig
from datasets.preparation.preparation import Preparation
from datasets.reading.row_groups import read_rows
from datasets.reading.selection import select_units
from datasets.sources.source import Source
from datasets.tables.recordings import read_recordings
from infra.errors import InputError
from workflows.evaluate.report import evaluate_model
from workflows.localize.maps import map_video
from workflows.localize.overlay import write_outputs
from workflows.recipes import multisensory
from workflows.train.fit import fit
from workflows.train.job import Scaling
from workflows.trained.model import loaded


@pytest.mark.ray
def test_all_sources_end_as_rows_or_as_errors(small_dataset):
    errors = pq.read_table(f"{small_dataset}/errors.parquet").to_pylist()
    assert [(Path(row["source"]).name, row["stage"], row["reason"]) for row in errors] == [
        ("broken.mp4", "probe", "cannot open")
    ]
    card = json.loads(Path(small_dataset, "dataset.json").read_text())
    assert sum(split["videos"] for split in card["splits"].values()) == 24
    assert sum(split["pairs"] for split in card["splits"].values()) == 24


@pytest.mark.ray
def test_a_pair_is_two_consecutive_rows_of_one_row_group(small_dataset):
    for split in ("train", "validation", "test"):
        pairs = select_units(small_dataset, split, unit="pair").groups
        rows = select_units(small_dataset, split, unit="row").groups
        for group, whole in zip(pairs, rows, strict=True):
            assert list(group.units) == list(range(0, len(whole.units), 2))


@pytest.mark.ray
def test_a_second_run_makes_nothing_new_and_another_configuration_is_refused(small_dataset, small_config):
    before = {path: path.stat().st_mtime_ns for path in Path(small_dataset, "clips").rglob("*.parquet")}
    again = Preparation(small_dataset, small_config)
    sources = [Source(path=row["path"], video_id=row["video_id"]) for row in read_recordings(small_dataset).to_pylist()]
    again.plan(sources)
    assert len(again.new_shards) == 0
    again.run()
    assert {path: path.stat().st_mtime_ns for path in Path(small_dataset, "clips").rglob("*.parquet")} == before
    with pytest.raises(InputError, match="frame_rate"):
        Preparation(small_dataset, PreparationConfig(clip_seconds=1.0))


@pytest.mark.ray
def test_frames_and_sound_of_a_pair_differ_and_are_of_the_right_size(small_dataset, small_config):
    path = next(Path(small_dataset, "clips", "split=train").glob("*.parquet"))
    rows = pq.ParquetFile(path).read_row_group(0).to_pylist()
    assert len(rows[0]["waveform"]) == 2 * small_config.num_samples
    assert len(rows[0]["log_mel"]) == 2 * small_config.num_hops * small_config.log_mel.num_bins
    assert rows[0]["waveform"] != rows[1]["waveform"]
    assert rows[0]["shift_seconds"] == pytest.approx(-rows[1]["shift_seconds"])


@pytest.mark.ray
@pytest.mark.parametrize("num_workers", [0, 2])
def test_train_evaluate_and_localize(small_dataset, tracking, tmp_path, num_workers):
    result = fit(
        "multisensory",
        multisensory.tiny(),
        data=small_dataset,
        run_name="tiny",
        scaling=Scaling(num_workers=num_workers),
    )
    assert result.finished
    assert result.metrics["validation/audio_only_accuracy"] == 0.5
    assert Path(result.run_folder, "learning_curve.png").stat().st_size > 1000
    with pytest.raises(InputError, match="exists already"):
        fit("multisensory", multisensory.tiny(), data=small_dataset, run_name="tiny")
    with loaded("models:/multisensory@champion", recipe="multisensory") as model:
        report = evaluate_model(model, dataset=small_dataset, split="test")
        video = next(Path(small_dataset, "videos").glob("*.mp4"))
        outputs = write_outputs(map_video(model, str(video), kind="contrast"), str(video), str(tmp_path), stem="scene")
    assert report.figures["audio_only_accuracy"].value == report.figures["video_only_accuracy"].value == 0.5
    assert 0 <= report.figures["pointing_accuracy"].value <= 1
    assert Path(outputs["overlay"]).stat().st_size > 1000
    maps = np.load(outputs["overlay"].replace(".mp4", ".npz"))
    assert maps["signed"].shape[0] == len(maps["seconds"])


@pytest.mark.ray
def test_a_broken_shard_ends_in_one_line(small_dataset, tmp_path):
    dataset = Path(shutil.copytree(small_dataset, tmp_path / "broken"))
    shard = next(Path(dataset, "clips", "split=train").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:1000])
    (group,) = [g for g in select_units(str(dataset), "train", unit="row").groups if g.uri == str(shard)][:1]
    with pytest.raises(InputError, match=r"is not a whole Parquet file .*; see python -m workflows.inspect"):
        read_rows(group.uri, group.index, group.units, ["log_mel"])


@pytest.mark.ray
def test_between_epochs_a_run_goes_on_with_other_steps(small_dataset, tracking):
    """As with another number of workers: the rest of the schedule is laid over the steps that there are now."""
    config = multisensory.tiny()
    options = {"data": small_dataset, "run_name": "steps", "scaling": Scaling(num_workers=0)}
    stop = dataclasses.replace(config.cadence, max_minutes=0.0)
    first = fit("multisensory", dataclasses.replace(config, cadence=stop), **options)
    assert not first.finished
    single = dataclasses.replace(config, loader=dataclasses.replace(config.loader, batch_size=1))
    resumed = fit("multisensory", single, resume=True, **options)
    assert resumed.finished
    assert [entry["epoch"] for entry in json.loads(Path(resumed.run_folder, "history.json").read_text())] == [0, 1]


@pytest.mark.ray
def test_a_run_that_was_stopped_goes_on_where_it_was(small_dataset, tracking, tmp_path):
    config = multisensory.tiny()
    whole = fit("multisensory", config, data=small_dataset, run_name="whole", scaling=Scaling(num_workers=0))
    half = dataclasses.replace(config.cadence, max_minutes=0.0)
    stopped = fit(
        "multisensory",
        dataclasses.replace(config, cadence=half),
        data=small_dataset,
        run_name="halves",
        scaling=Scaling(num_workers=0),
    )
    longer = dataclasses.replace(config, cadence=dataclasses.replace(config.cadence, epochs=9))
    with pytest.raises(InputError, match="the same --epochs"):
        fit(
            "multisensory",
            longer,
            data=small_dataset,
            run_name="halves",
            scaling=Scaling(num_workers=0),
            resume=True,
        )
    resumed = fit(
        "multisensory", config, data=small_dataset, run_name="halves", scaling=Scaling(num_workers=0), resume=True
    )
    assert not stopped.finished
    assert resumed.finished
    assert resumed.run_id == stopped.run_id
    assert [entry["epoch"] for entry in json.loads(Path(resumed.run_folder, "history.json").read_text())] == [0, 1]
    history = [json.loads(Path(run.run_folder, "history.json").read_text())[-1] for run in (whole, resumed)]
    assert history[1]["train/loss"] == pytest.approx(history[0]["train/loss"], abs=1e-5)
    assert history[1]["validation/loss"] == pytest.approx(history[0]["validation/loss"], abs=1e-4)
