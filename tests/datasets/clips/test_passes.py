"""Passes over a source have few windows open at a time, and keep pairs together."""

import pytest

from datasets.clips.passes import plan_passes
from datasets.clips.windows import WindowRule, draw_windows
from infra.seeding import generator


def windows(seconds, pairs):
    rule = WindowRule(
        clip_seconds=4.0, frame_rate=30.0, min_shift_seconds=2.2, max_shift_seconds=5.9, pairs_per_video=pairs
    )
    return draw_windows(rule, spans=[(0.0, seconds)], generator=generator("windows", pairs))


def most_open_in(drawn, members):
    spans = []
    for first, second in zip(members[::2], members[1::2], strict=True):
        starts = drawn[first].start_seconds, drawn[second].start_seconds
        spans.append((min(starts), max(starts) + 4.0))
    return 2 * max(sum(begin <= moment < end for begin, end in spans) for moment, _ in spans)


@pytest.mark.parametrize(("seconds", "pairs"), [(12.0, 100), (3600.0, 900)])
def test_passes_have_few_windows_open_and_are_few(seconds, pairs):
    drawn = windows(seconds, pairs)
    passes = plan_passes(drawn, clip_seconds=4.0, most_open=8)
    assert sorted(index for members in passes for index in members) == list(range(2 * pairs))
    assert max(most_open_in(drawn, members) for members in passes) == 8
    at_once = most_open_in(drawn, [index for members in passes for index in members])
    assert len(passes) == -(-at_once // 8)
    for members in passes:
        pair_ids = [drawn[index].pair for index in members]
        assert pair_ids[::2] == pair_ids[1::2]
        ends = [max(drawn[i].start_seconds, drawn[i + 1].start_seconds) for i in members[::2]]
        assert ends == sorted(ends)


def test_passes_open_a_pair_where_there_is_room_for_one_window():
    assert plan_passes(windows(12.0, 3), clip_seconds=4.0, most_open=1) != []
    assert [len(members) for members in plan_passes(windows(12.0, 3), clip_seconds=4.0, most_open=1)] == [2, 2, 2]


def test_passes_are_the_same_in_whatever_order_windows_come():
    drawn = windows(60.0, 40)
    order = [index for members in plan_passes(drawn, clip_seconds=4.0, most_open=8) for index in members]
    again = plan_passes([drawn[index] for index in order], clip_seconds=4.0, most_open=8)
    assert [index for members in again for index in members] == list(range(80))
