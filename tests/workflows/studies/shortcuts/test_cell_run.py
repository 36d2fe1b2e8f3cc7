"""A cell of the study from sounds to its place in table and figure."""

import numpy as np
import pytest

from datasets.media import write_video
from infra import storage
from workflows.studies.shortcuts.cell_run import Study, run_cell
from workflows.studies.shortcuts.cells import CELLS, Cell
from workflows.studies.shortcuts.recordings import NUM_FOLDS, read_recordings
from workflows.studies.shortcuts.results import draw_accuracies, draw_curves, read_results, result_file, table


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return Study(places=(), output=str(tmp_path_factory.mktemp("study")), num_scenes=40, steps=30, seed=0)


def test_cells_find_priming_and_leave_pairs_at_chance(study, tmp_path):
    for cell in (Cell(audio="file start"), Cell(label_mode="pairs")):
        run_cell(study, "synthetic", cell)
    results = read_results(study.output, ["synthetic"])["synthetic"]
    assert results["roll, file start"]["accuracy"]["low"] > 0.6
    assert results["pairs"]["accuracy"]["value"] == 0.5
    assert len(results["pairs"]["curve"]) == 10 * NUM_FOLDS
    lines = table({"synthetic": results}).splitlines()
    assert len(lines) == 2 + len(CELLS) + 2
    draw_accuracies({"synthetic": results}, tmp_path / "accuracies.png")
    draw_curves({"synthetic": results}, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 0


def test_cell_result_holds_its_configuration(study):
    found = storage.read_json(result_file(study.output, "synthetic", Cell(label_mode="pairs")))
    assert (found["label_mode"], found["num_recordings"], found["in_step"]) == ("pairs", 40, 0.5)


def test_recordings_keep_official_folds_without_copies(tmp_path):
    chance = np.random.default_rng(0)
    frames = [np.zeros((16, 16, 3), np.uint8)] * 24
    names = [f"{number}.mp4" for number in range(6)]
    for name in names:
        sound = (0.2 * chance.standard_normal(3 * 16000)).astype(np.float32)
        write_video(tmp_path / name, frames, sound, frame_rate=8, sample_rate=16000)
    (tmp_path / "copy.mp4").write_bytes((tmp_path / "0.mp4").read_bytes())
    (tmp_path / "broken.mp4").write_text("no video")
    rows = "\n".join(f"{name},{number % 5 + 1}" for number, name in enumerate(names))
    (tmp_path / "labels.csv").write_text(f"path,fold\n{rows}\n")
    found = {recording.name.rsplit("/", 1)[-1]: recording for recording in read_recordings([str(tmp_path)])}
    assert set(found) == set(names)
    assert {name: found[name].fold for name in names} == {
        name: (number % 5 + 1) % 5 for number, name in enumerate(names)
    }
