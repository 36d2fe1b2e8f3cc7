"""Maps over a video: what contrast compares, what silence shows, and what is refused."""

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch

from datasets.media import Window, cut, probe, write_video
from datasets.sources.synthetic import scene
from infra.errors import InputError
from models.calibration import Calibration
from tests.workflows.audit.checks import leaky
from workflows.localize import maps as module_of_maps
from workflows.localize.maps import describe_frames, map_video
from workflows.localize.overlay import label_of, write_outputs
from workflows.recipes import coincidence, multisensory
from workflows.trained.clips import fit_to_clips
from workflows.trained.model import Model

CLIP = leaky.PAIRS


@pytest.fixture(scope="module")
def model():
    """A network of random weights that calls everything in sync, so that what it is asked about shows a source."""
    sizes = {name: getattr(CLIP, name) for name in ("num_frames", "num_samples", "num_hops")}
    config = dataclasses.replace(multisensory.tiny(), **sizes)
    network = multisensory.build(config, {}, {}).modules["network"].eval()
    with torch.no_grad():
        network.network.head.weight.abs_()
        network.network.head.bias.fill_(10.0)
    return Model(recipe="multisensory", module=network, config=config, preparation=CLIP, description={}, run_id=None)


def video(folder, *, seconds, silent_until=0.0):
    """A scene on disk, its first seconds silent."""
    drawn = scene(3, seed=0, seconds=seconds, frame_rate=CLIP.frame_rate, size=CLIP.size, sample_rate=CLIP.sample_rate)
    waveform = drawn.waveform()
    waveform[: round(silent_until * CLIP.sample_rate)] = 0
    path = folder / "scene.mp4"
    write_video(path, drawn.frames(), waveform, frame_rate=CLIP.frame_rate, sample_rate=CLIP.sample_rate)
    return str(path)


def contrast_of(model, path, *, start, other):
    """The contrast of one window with the sound of another, straight from the network."""
    clips = cut(
        path,
        [Window(start_seconds=s, sound_start_seconds=s) for s in (start, other)],
        line=probe(path),
        clip_seconds=CLIP.clip_seconds,
        frame_rate=CLIP.frame_rate,
        size=CLIP.size,
        sample_rate=CLIP.sample_rate,
    )
    found = {index: (frames, waveform) for index, frames, waveform, _ in clips}
    with torch.inference_mode():
        own, foreign = (module_of_maps._encode_sound(model, found[index][1]) for index in (0, 1))
        picture = model.module.encode_picture({"frames": found[0][0][None]})
        return (model.module.maps(own, picture) - model.module.maps(foreign, picture))[0].numpy()


@pytest.mark.parametrize("seconds", [1.5, 1.75, 4.0])
def test_contrast_is_with_the_farthest_other_window(model, tmp_path, seconds):
    path = video(tmp_path, seconds=seconds)
    found = map_video(model, path, kind="contrast")
    last = float(found.seconds[-CLIP.num_frames])
    first_frame = contrast_of(model, path, start=float(found.seconds[0]), other=last)[0]
    last_frame = contrast_of(model, path, start=last, other=float(found.seconds[0]))[-1]
    assert np.abs(first_frame).max() > 0
    assert found.contrast[0] == pytest.approx(first_frame, abs=1e-5)
    assert found.contrast[-1] == pytest.approx(last_frame, abs=1e-5)


def test_contrast_of_a_single_window_is_refused(model, tmp_path):
    path = video(tmp_path, seconds=1.0)
    assert len(map_video(model, path).signed) == CLIP.num_frames
    with pytest.raises(InputError, match=r"^--kind: contrast needs .* lasts one clip of 1.0 s; give .*--kind signed$"):
        map_video(model, path, kind="contrast")


@pytest.mark.parametrize(("kind", "has_contrast"), [("signed", False), ("contrast", True)])
def test_the_npz_holds_the_maps_that_were_asked_for(model, tmp_path, kind, has_contrast):
    path = video(tmp_path, seconds=2.0)
    found = map_video(model, path, kind=kind)
    write_outputs(found, path, str(tmp_path / "maps"), stem="scene")
    stored = np.load(tmp_path / "maps" / "scene.npz")
    assert np.array_equal(stored["signed"], found.signed)
    assert ("contrast" in stored.files) == has_contrast


def test_digital_silence_has_no_source(model, tmp_path):
    found = map_video(model, video(tmp_path, seconds=2.0, silent_until=2.0))
    assert not any(row["source_found"] for row in describe_frames(found))
    assert not found.signed.any()
    assert {label_of(row)[10:] for row in describe_frames(found)} == {"cannot tell: silent"}
    json.dumps(describe_frames(found), allow_nan=False)


def test_silence_does_not_dilute_the_sound_beside_it(model, tmp_path):
    found = map_video(model, video(tmp_path, seconds=4.0, silent_until=2.25))
    shown = [row["source_found"] for row in describe_frames(found)]
    # Windows begin every half second: the first one with sound begins at 1.5 s.
    assert shown == [row >= 1.5 for row in found.seconds]
    assert [row["probability"] is None for row in describe_frames(found)] == [row < 1.5 for row in found.seconds]
    assert found.logits[found.seconds >= 1.5].min() > 9


def test_localize_abstains_where_the_calibrated_probability_is_below_the_threshold(model, tmp_path):
    path = video(tmp_path, seconds=2.0)
    raw = map_video(model, path).logits
    assert all(row["source_found"] for row in describe_frames(map_video(model, path)))
    offset = float(-0.5 * raw.mean() - 1.0)
    module = copy.copy(model.module)
    module.calibration = Calibration(0.5, offset)
    found = map_video(dataclasses.replace(model, module=module), path)
    assert found.logits == pytest.approx(0.5 * raw + offset, abs=1e-4)
    rows = describe_frames(found)
    assert not any(row["source_found"] or row["box"] for row in rows)
    assert [row["probability"] for row in rows] == pytest.approx(1 / (1 + np.exp(-found.logits)), abs=1e-4)
    assert all(row["source_found"] for row in describe_frames(found, threshold=0.1))
    write_outputs(found, path, str(tmp_path / "maps"), stem="scene", threshold=0.1)
    assert json.loads((tmp_path / "maps" / "scene.json").read_text())["source_found_share"] == 1


def test_windows_may_be_of_another_length_and_frame_rate(tmp_path):
    """With a recipe that reads any; the maps are then as long as the video, at the frame rate that was asked for."""
    card = {"config": CLIP.to_dict()}
    config = coincidence.fit_to(coincidence.tiny(), {"clips": card})
    network = coincidence.build(config, {}, {}).modules["network"].eval()
    trained = Model(recipe="coincidence", module=network, config=config, preparation=CLIP, description={}, run_id=None)
    wanted = dataclasses.replace(CLIP, clip_seconds=1.5, frame_rate=16.0)
    path = video(tmp_path, seconds=3.0)
    found = map_video(fit_to_clips(trained, wanted, given="--frame-rate"), path)
    assert (found.frame_rate, found.signed.shape) == (16.0, (len(found.seconds), 4, 4))
    assert len(found.seconds) == pytest.approx(2 * len(map_video(trained, path).seconds), abs=2)
