import numpy as np
import pytest

from workflows.audit.checks import null_data
from workflows.audit.checks.windows import Windows, make_examples

ROWS = 240


def windows(chance):
    rows = np.arange(ROWS)
    return Windows(
        recordings=np.array([f"r{row // 2:03d}" for row in rows]),
        starts=chance.uniform(0, 6, ROWS),
        sound_starts=np.zeros(ROWS),
        frame_places=np.zeros(ROWS),
        in_sync=np.ones(ROWS, bool),
        partner=rows ^ 1,
        log_mel=chance.normal(size=(ROWS, 8, 16)).astype(np.float32),
        thumbnails=np.zeros((ROWS, 1, 8), np.float32),
        sounds={},
    )


@pytest.mark.slow
def test_null_network_learns_a_shared_clock_but_not_noise():
    chance = np.random.default_rng(0)
    noise = windows(chance)
    examples = make_examples(noise)
    pictures = chance.normal(0, 0.3, (ROWS, 3, 8, 32, 32)).astype(np.float32)
    assert abs(null_data.answer_both(noise, pictures, examples, seed=0).mean() - 0.5) < 0.08
    late = (noise.starts > 3).astype(np.float32)
    noise.log_mel[:, 0] += 3 * late[:, None]
    pictures += late[:, None, None, None, None]
    assert null_data.answer_both(noise, pictures, examples, seed=0).mean() > 0.6


@pytest.mark.ray
def test_null_scenes_stay_at_chance_through_the_real_path(ray_cluster, small_config):
    check = null_data.check_null_data(small_config, num_scenes=40)
    assert check.verdict in ("pass", "too little data")
    assert abs(check.value - 0.5) < 0.15
    assert "160 examples of 40 recordings" in check.detail
