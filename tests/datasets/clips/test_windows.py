import numpy as np
import pytest

from datasets.clips.windows import WindowRule, draw_ordered_pair, draw_windows
from infra.seeding import generator

RULE = WindowRule(clip_seconds=2.0, frame_rate=15.0, min_shift_seconds=0.5, max_shift_seconds=3.0, pairs_per_video=1)


def test_both_starts_of_a_pair_have_the_same_distribution():
    draws = np.array([draw_ordered_pair(RULE, num_starts=40, generator=generator("marginals", i)) for i in range(4000)])
    first, second = (np.histogram(draws[:, side], bins=8, range=(0, 40))[0] for side in (0, 1))
    chi_square = ((first - second) ** 2 / (first + second)).sum()
    assert chi_square < 24.3  # 0.1 % point of 7 degrees of freedom


def test_every_admissible_ordered_pair_is_equally_likely():
    rule = WindowRule(clip_seconds=1.0, frame_rate=1.0, min_shift_seconds=1, max_shift_seconds=2, pairs_per_video=1)
    chance = generator("uniform")
    draws = [draw_ordered_pair(rule, num_starts=4, generator=chance) for _ in range(5000)]
    counts = np.array([draws.count(pair) for pair in set(draws)])
    assert len(counts) == 10
    assert (np.abs(counts - 500) < 100).all()


def test_windows_of_a_pair_lie_on_one_grid_inside_the_source_with_opposite_shifts():
    for i in range(200):
        a, b = draw_windows(RULE, [(1.3, 9.0)], generator=generator("pair", i))
        assert a.shift_seconds == pytest.approx(-b.shift_seconds)
        assert 0.5 - 1e-6 <= abs(a.shift_seconds) <= 3.0 + 1e-6
        for window in (a, b):
            assert 1.3 <= window.start_seconds <= 7.0 + 1e-6
            frames = (window.start_seconds - 1.3) * 15
            assert frames == pytest.approx(round(frames))


def test_a_source_too_short_for_a_pair_gives_one_window_and_a_shorter_one_none():
    single = draw_windows(RULE, [(0, 2.2)], generator=generator("single"))
    assert [window.pair for window in single] == [None]
    assert draw_windows(RULE, [(0, 1.9)], generator=generator("none")) == []
