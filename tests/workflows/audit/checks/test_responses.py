"""A model's responses are those of all windows at once, and are taken from a few windows at a time."""

import dataclasses
import weakref

import numpy as np
import pytest
import torch

from datasets.reading.reader import decode_table, to_arrays
from models.synchronization import Synchronization
from tests.workflows.audit.checks import leaky
from workflows.audit.checks.map_numbers import map_correlation, positive_evidence
from workflows.audit.checks.responses import DELAYS_MS, _foreign, respond
from workflows.audit.checks.windows import read_tables
from workflows.recipes import multisensory
from workflows.trained.model import Model

RECORDINGS = 20
CONFIG = leaky.labeled("pairs")


class CountingPictures(Synchronization):
    """The recipe's module, which also counts the windows whose picture features are alive at once."""

    def __init__(self, built):
        names = ("sound_column", "crop_size", "flip", "clip")
        super().__init__(built.network, **{name: getattr(built, name) for name in names}, seed=0)
        self.alive, self.most_alive = 0, 0

    def encode_picture(self, batch):
        features = super().encode_picture(batch)
        self.alive += len(features)
        self.most_alive = max(self.most_alive, self.alive)
        weakref.finalize(features, self._forget, len(features))
        return features

    def _forget(self, count):
        self.alive -= count


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Two windows each of twenty recordings, all for testing."""
    folder = tmp_path_factory.mktemp("held-out")
    recordings = [dataclasses.replace(one, split="test") for one in leaky.record_scenes(RECORDINGS, seed=0)]
    leaky.write_dataset(folder, recordings, CONFIG)
    return str(folder)


@pytest.fixture(params=["log_mel", "waveform"])
def model(request):
    sizes = {name: getattr(CONFIG, name) for name in ("num_frames", "num_samples", "num_hops")}
    recipe = dataclasses.replace(multisensory.tiny(), audio_input=request.param, **sizes)
    module = CountingPictures(multisensory.build(recipe, {}, {}).modules["network"]).eval()
    return Model(recipe="multisensory", module=module, config=recipe, preparation=CONFIG, description={}, run_id=None)


def read_whole(dataset, column):
    """Frames, sounds and recordings of all windows."""
    tables = read_tables(dataset, max_rows=1000, columns=("frames", column, "recording_id"), splits=("test",))
    parts = [to_arrays(decode_table(table, config=CONFIG), config=CONFIG) for table in tables]
    return [np.concatenate([part[name] for part in parts]) for name in ("frames", column, "recording_id")]


@torch.inference_mode()
def test_responses_are_those_of_all_windows_at_once(dataset, model):
    module = model.module
    found = respond(model, dataset, CONFIG, max_rows=1000)
    frames, sounds, recordings = read_whole(dataset, module.sound_column)
    picture, sound = module.encode_picture({"frames": frames}), module.encode_sound({module.sound_column: sounds})
    seen, heard, foreign = found.examples.picture, found.examples.sound, _foreign(recordings)

    def logits(sound_rows, picture_rows):
        return pytest.approx(module.judge(sound[sound_rows], picture[picture_rows]).numpy(), abs=1e-5)

    def maps(features):
        return module.maps(features, picture).numpy() + module.bias

    own, silent = maps(sound), maps(module.encode_silence().expand(len(frames), -1, -1))
    assert found.logits == logits(heard, seen)
    assert found.foreign_picture == logits(heard, foreign[seen])
    assert found.foreign_sound == logits(foreign[heard], seen)
    assert found.silent_sound == pytest.approx(silent.mean(axis=(1, 2, 3))[seen], abs=1e-5)
    assert found.delayed[0] == pytest.approx(own.mean(axis=(1, 2, 3)), abs=1e-5)
    assert found.delayed.shape == (len(DELAYS_MS), 2 * RECORDINGS)
    assert found.maps.evidence == pytest.approx(positive_evidence(own), abs=1e-5)
    assert found.silent_evidence == pytest.approx(positive_evidence(silent), abs=1e-5)
    assert found.foreign_correlation == pytest.approx(map_correlation(own, maps(sound[foreign])), abs=1e-4)


def test_responses_hold_the_pictures_of_one_batch(dataset, model):
    with torch.inference_mode():
        respond(model, dataset, CONFIG, max_rows=1000)
    # The batch before is forgotten when the next one has taken its place.
    assert model.module.most_alive <= 2 * 16 < 2 * RECORDINGS
