"""A registered model answers from arrays as it does in evaluation: from Python, and through MLflow where this repository is not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import mlflow
import mlflow.artifacts
import mlflow.models
import numpy as np
import pytest

from datasets.reading.reader import read
from infra.errors import InputError
from infra.tracking import model_folder
from workflows.trained.serving import load

pytestmark = pytest.mark.ray
ROOT = Path(__file__).resolve().parents[3]
_ELSEWHERE = """
import sys, mlflow.pyfunc, numpy
model = mlflow.pyfunc.load_model("models:/multisensory/1")
clip = numpy.load("clip.npz")
found = model.predict({"video": clip["video"], "waveform": clip["waveform"]})
numpy.savez("answer.npz", **found)
import workflows.trained.serving
print(workflows.trained.serving.__file__, "ray" in sys.modules)
"""


_ONLY_WITH = """
import importlib.metadata as metadata, os, re, sys
from importlib.machinery import PathFinder

def name_of(requirement):
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-").replace(".", "-")

waiting, allowed = [name_of(each) for each in sys.argv[1:]], set()
while waiting:
    name = waiting.pop()
    if name in allowed:
        continue
    allowed.add(name)
    try:
        required = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        continue
    waiting += [name_of(each) for each in required if "extra ==" not in each]
owners = metadata.packages_distributions()

finders = list(sys.meta_path)

class Guard:
    find_distributions = PathFinder.find_distributions

    @staticmethod
    def find_spec(module, path=None, target=None):
        names = {name_of(each) for each in owners.get(module.partition(".")[0], ())}
        if names and not names & allowed:
            return None
        found = (finder.find_spec(module, path, target) for finder in finders)
        return next((spec for spec in found if spec is not None), None)

sys.meta_path[:] = [Guard]
from workflows.trained.serving import load
load(os.environ["FOLDER"])
"""


@pytest.fixture(scope="module")
def clips(small_dataset):
    rows = list(read(small_dataset, "validation", columns=("frames", "waveform", "log_mel")))
    video, waveform, log_mel = (np.stack([row[name] for row in rows]) for name in ("frames", "waveform", "log_mel"))
    return video, waveform[:, 0], log_mel


@pytest.fixture
def predictor(trained):
    return load(trained.model_folder)


def test_arrays_get_the_logits_that_stored_clips_get(predictor, clips):
    video, waveform, log_mel = clips
    module = predictor.model.module
    picture, sound = module.encode_picture({"frames": video}), module.encode_sound({"log_mel": log_mel})
    found = predictor.predict(video, waveform)
    np.testing.assert_allclose(found["logits"], module.judge(sound, picture).detach().numpy(), atol=0.02)


def test_a_map_and_the_bias_make_the_logit(predictor, clips):
    found = predictor.predict(*clips[:2])
    bias = predictor.model.module.bias
    np.testing.assert_allclose(found["maps"].mean(axis=(1, 2, 3)) + bias, found["logits"], atol=1e-5)


def test_one_clip_16_bit_sound_and_larger_pictures_are_taken_too(predictor, clips):
    video, waveform, _ = clips
    whole = predictor.predict(video, waveform)
    one = predictor.predict(video[0], (waveform[0] * 32768).astype(np.int16))
    np.testing.assert_allclose(one["logits"], whole["logits"][:1], atol=1e-4)
    doubled = video.repeat(2, axis=2).repeat(2, axis=3)
    np.testing.assert_allclose(predictor.predict(doubled, waveform)["logits"], whole["logits"], atol=0.2)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda video, waveform: (video[:, :-1], waveform), "video: uint8"),
        (lambda video, waveform: (video / 255, waveform), "video: float64"),
        (lambda video, waveform: (video, waveform[:, :-1]), "waveform: float32"),
        (lambda video, waveform: (video[:1], waveform), "video 1, waveform .*: not equally many clips"),
        (
            lambda video, waveform: (video, (waveform * 32768).astype(np.int32)),
            "waveform: int32 .* floats in .* or int16",
        ),
        (lambda video, waveform: (video,), "waveform: missing"),
    ],
    ids=["frames", "type", "samples", "count", "integers", "missing"],
)
def test_other_shapes_are_refused_by_name(predictor, clips, change, word):
    with pytest.raises(InputError, match=word):
        predictor.predict(*change(*clips[:2]))


@pytest.mark.parametrize("sound", [1.5, np.nan, np.inf], ids=["loud", "nan", "inf"])
def test_sound_beyond_full_scale_is_refused(predictor, clips, sound):
    video, waveform = clips[0], clips[1].copy()
    waveform[0, 7] = sound
    with pytest.raises(InputError, match=rf"^waveform: {sound:g} is not in \[-1, 1\]; give floats in"):
        predictor.predict(video, waveform)


@pytest.mark.parametrize(("picture", "sound"), [(0, 1), (1, 0)], ids=["black", "silent"])
def test_of_silence_or_black_frames_nothing_can_be_told(predictor, clips, picture, sound):
    video, waveform = clips[0].copy(), clips[1].copy()
    video[0], waveform[0] = video[0] * picture, waveform[0] * sound
    found = predictor.predict(video, waveform)
    assert found["can_tell"].tolist() == [False] + [True] * (len(video) - 1)
    assert np.isnan(found["logits"]).tolist() == [True] + [False] * (len(video) - 1)
    assert np.isnan(found["maps"][0]).all()


def test_mlflow_loads_it_away_from_here_without_pickle(trained, tracking, clips, tmp_path):
    """With its own copy of the code, and without Ray."""
    video, waveform, _ = clips
    np.savez(tmp_path / "clip.npz", video=video, waveform=waveform)
    variables = {"MLFLOW_TRACKING_URI": tracking, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE],
        cwd=tmp_path,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    code, has_ray = done.stdout.split()
    assert code.endswith("code/workflows/trained/serving.py")
    assert has_ray == "False"
    expected = load(trained.model_folder).predict(video, waveform)
    answer = np.load(tmp_path / "answer.npz")
    np.testing.assert_allclose(answer["logits"], expected["logits"], atol=1e-5)
    np.testing.assert_allclose(answer["maps"], expected["maps"], atol=1e-5)


def test_the_folder_of_a_run_stands_for_its_model(trained):
    with model_folder(trained.run_folder) as (folder, run_id):
        assert folder == trained.model_folder
        assert run_id == trained.run_id


def test_requirements_name_every_library_that_loading_imports(trained, tracking):
    """In an environment that has what the requirements bring, and nothing else, as `mlflow models serve` makes it."""
    needed = Path(mlflow.artifacts.download_artifacts("models:/multisensory/1/requirements.txt")).read_text().split()
    done = subprocess.run(
        [sys.executable, "-c", _ONLY_WITH, *needed],
        cwd=ROOT,
        env={**os.environ, "MLFLOW_TRACKING_URI": tracking, "FOLDER": trained.model_folder},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_version_has_signature_fingerprint_code_report_and_card(trained, tracking, small_dataset):
    client = mlflow.MlflowClient(tracking)
    version = client.get_model_version("multisensory", "1")
    card = json.loads(Path(small_dataset, "dataset.json").read_text())
    assert version.tags["dataset_fingerprint"] == card["fingerprint"]
    assert version.tags["code_hash"]
    described = str(version.description)
    assert "## Where it fails" in described
    assert "95 % interval" in described
    assert described.startswith("multisensory on")
    assert (version.tags["recipe"], version.tags["state"]) == ("multisensory", "finished")
    (output,) = client.get_run(str(version.run_id)).outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert version.source == f"models:/{model.model_id}"
    assert [each.dataset_name for each in model.metrics] == [f"{Path(small_dataset).name}/validation"]
    files = {each.path for each in client.list_logged_model_artifacts(model.model_id)}
    assert {"MLmodel", "card.md", "model.safetensors", "config.json", "input_example.json"} <= files
    assert not [path for path in files if path.endswith((".pkl", ".pt", ".pth"))]
    assert client.list_artifacts(str(version.run_id), "evaluation/validation")
    inputs = mlflow.models.get_model_info("models:/multisensory/1").signature.inputs
    assert inputs.input_names() == ["video", "waveform"]
