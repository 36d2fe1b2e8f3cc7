"""The network that only hears: what it hears, and that it learns from a click as from a timbre."""

import torch
from torch.nn import functional

from models.listener import Listener

RATE = 8000


def test_muted_samples_change_nothing():
    network = Listener(sample_rate=RATE, mute_samples=500).eval()
    waveform = 0.1 * torch.randn(2, 1, RATE)
    other = waveform.clone()
    other[..., :500] = torch.randn(2, 1, 500)
    assert torch.equal(network(network.hear(waveform)), network(network.hear(other)))


def test_a_single_click_is_learned():
    torch.manual_seed(0)
    network = Listener(sample_rate=RATE)
    waveform, targets = 0.01 * torch.randn(128, 1, RATE), torch.arange(128) % 2
    place = torch.randint(1000, 7000, (128,))
    waveform[torch.arange(128), 0, place] += 0.5 * targets
    heard = network.hear(waveform)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(40):
        loss = functional.binary_cross_entropy_with_logits(network(heard), targets.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.inference_mode():
        assert ((network(heard) > 0) == (targets == 1)).float().mean() > 0.95
