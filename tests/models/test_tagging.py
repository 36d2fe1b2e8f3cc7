"""Audio tagging: rolling changes nothing that counts, mixtures have mixed losses, embeddings have norm one."""

import numpy as np
import pytest
import torch

from models.encoders.spectrogram import SpectrogramEncoder
from models.tagging import Tagger


@pytest.fixture
def make():
    def build(**changes):
        torch.manual_seed(0)
        options = {"dropout": 0.0, "mix": 0.0, "masked_share": 0.0, "gain": 1.0, "seed": 0} | changes
        encoder = SpectrogramEncoder(num_bins=8, channels=2)
        return Tagger(encoder, num_features=encoder.num_features, column="log_mel", classes=("a", "b"), **options)

    return build


@pytest.fixture
def batch():
    chance = np.random.default_rng(0)
    return {"log_mel": chance.normal(size=(6, 8, 32)).astype(np.float32), "label": ["a", "b"] * 3}


@torch.no_grad()
def test_without_mixing_the_loss_is_the_cross_entropy(make, batch):
    module = make().eval()
    logits = module.classify(batch)
    module._roll = lambda sound: sound
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1] * 3))
    assert float(module({"sounds": batch})["loss"]) == pytest.approx(float(expected), abs=1e-5)


def test_rolled_clips_keep_their_values(make, batch):
    sound = torch.as_tensor(batch["log_mel"])
    rolled = make()._roll(sound)
    assert torch.equal(rolled.sort(dim=2).values, sound.sort(dim=2).values)
    assert not torch.equal(rolled, sound)


def test_masks_cover_a_band_and_a_stretch_at_most(make, batch):
    sound = torch.as_tensor(batch["log_mel"])
    module = make(masked_share=0.25)
    changed = module._mask(sound) != sound
    assert 0 < changed.float().mean() < 0.5
    assert torch.equal(make(masked_share=0.0)._mask(sound), sound)


def test_a_mixture_is_mostly_the_clip_whose_accuracy_counts(make):
    module = make(mix=0.5)
    shares = [module._share() for _ in range(200)]
    assert min(shares) >= 0.5
    assert max(shares) <= 1.0
    assert len(set(shares)) > 100


@torch.no_grad()
def test_embeddings_have_norm_one_and_probabilities_sum_to_one(make, batch):
    module = make().eval()
    assert torch.allclose(module.embed_audio(batch).norm(dim=1), torch.ones(6), atol=1e-5)
    assert torch.allclose(module.predict(batch)["probabilities"].sum(dim=1), torch.ones(6), atol=1e-5)


@torch.no_grad()
def test_an_example_does_not_depend_on_its_batch_in_evaluation(make, batch):
    module = make().eval()
    alone = module.classify({"log_mel": batch["log_mel"][:1]})
    assert torch.allclose(module.classify(batch)[:1], alone, atol=1e-5)
