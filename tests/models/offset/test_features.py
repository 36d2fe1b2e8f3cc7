"""Features on a clock of their own are those of the network, and motion and loudness in step give the highest evidence at no lag."""

import numpy as np
import torch

from models.coincidence import Coincidence
from models.offset.curve import PHASES, evidence_by_lag
from models.offset.features import MotionLoudness, NetworkFeatures

RATE, HOP, WINDOW = 30.0, 0.016, 0.032


def network():
    torch.manual_seed(0)
    return Coincidence(num_bins=8, num_features=8, grid=4, scales=(4,)).eval()


def frames(num_frames, *, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (num_frames, 24, 24, 3), np.uint8)


def test_features_at_the_networks_own_moments_are_the_networks():
    made, features = network(), NetworkFeatures(network(), crop_size=24)
    own = [(moment + 0.5) / 15 for moment in range(30)]
    shown = frames(60)
    with torch.inference_mode():
        video = torch.as_tensor(shown).permute(3, 0, 1, 2)[None] / 127.5 - 1
        expected = made.encode_video(video, frame_rate=RATE)[0]
        found = features.see(shown, frame_rate=RATE, moments=own)
    assert torch.allclose(found.flatten(0, 1).flatten(2), expected.flatten(2), atol=1e-4)


def test_features_of_the_sound_stand_on_the_fine_clock_in_order():
    features, bands = NetworkFeatures(network(), crop_size=24), np.random.default_rng(1).standard_normal((8, 126))
    fine = [0.2 + moment / (15 * PHASES) for moment in range(25 * PHASES)]
    with torch.inference_mode():
        found = features.hear(bands.astype(np.float32), moments=fine)
        third = network().encode_audio(torch.as_tensor(bands, dtype=torch.float32)[None], moments=fine[2::PHASES])[0]
    assert found.shape == (8, 25 * PHASES)
    assert torch.allclose(found[:, 2::PHASES], third, atol=1e-5)


def test_motion_and_loudness_that_rise_together_agree_at_no_lag_but_for_the_delay():
    times = np.arange(240) / RATE
    bursts = np.random.default_rng(2).uniform(0.5, 7.5, 9)
    noise = np.random.default_rng(3).integers(0, 255, (240, 24, 24, 1))
    loud = np.exp(-0.5 * ((times[:, None] - bursts) / 0.05) ** 2).sum(axis=1)
    shown = (noise * np.clip(loud, 0, 1)[:, None, None, None]).astype(np.uint8).repeat(3, axis=3)
    hops = np.arange(625) * HOP - 1 + WINDOW / 2
    power = np.exp(-0.5 * ((hops[:, None] - bursts) / 0.05) ** 2).sum(axis=1)
    features, reach = MotionLoudness(hop_seconds=HOP, window_seconds=WINDOW), 40
    picture = features.see(shown, frame_rate=RATE, moments=[(m + 0.5) / 15 for m in range(120)])
    fine = 1 + 0.5 / 15 + (np.arange(120 * PHASES + 2 * reach) - reach) / (15 * PHASES)
    sound = features.hear(np.log(power[None] + 1e-3).astype(np.float32), moments=fine.tolist())
    curve = evidence_by_lag(sound, picture, torch.ones(len(fine), dtype=torch.bool), gain=features.gain)
    assert abs(int(curve[: 2 * reach + 1].argmax()) - reach) <= 2
