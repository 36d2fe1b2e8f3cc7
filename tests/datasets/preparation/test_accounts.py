"""Every second of a source is within the reach of a window or left out for a reason."""

import dataclasses

import pytest

from datasets.media import Timeline, length
from datasets.preparation.accounts import account, describe_account, seconds_left_out
from datasets.preparation.spans import usable_spans, windows_of
from datasets.sources.source import Source

LINE = Timeline(picture=((0.0, 10.0), (30.0, 31.0)), sound=((2.0, 8.0), (30.0, 33.0)), unplaced_seconds=4.0)


def accounted(config, line=LINE, **asked):
    source = Source(path="a.mp4", video_id="a", **asked)
    spans = usable_spans(source, line, config)
    return account(source, line, windows_of(source, spans, config), config), spans


def test_account_names_why_seconds_are_left_out(small_config):
    config = dataclasses.replace(small_config, clip_seconds=2.0, min_shift_seconds=0.5, max_shift_seconds=3.0)
    (seconds, covered, left_out), _ = accounted(config)
    assert seconds == 33.0 + 4.0
    assert left_out == {
        "hole": 20.0,
        "too short": 1.0,
        "after a restart of one stream": 4.0,
        "no sound": 4.0,
        "no picture": 2.0,
    }
    assert 2.0 < covered <= 4.0
    assert seconds == pytest.approx(6.0 + sum(left_out.values()))


def test_account_of_a_part_counts_what_is_asked_for(small_config):
    config = dataclasses.replace(small_config, clip_seconds=2.0)
    line = dataclasses.replace(LINE, unplaced_seconds=0.0)
    (seconds, _, left_out), _ = accounted(config, line, start_seconds=5.0, end_seconds=9.0)
    assert (seconds, left_out) == (4.0, {"no sound": 1.0})


def test_account_of_one_modality_looks_at_that_alone(small_config):
    config = dataclasses.replace(small_config, clip_seconds=2.0, modalities=("sound",))
    (seconds, _, left_out), spans = accounted(config, dataclasses.replace(LINE, unplaced_seconds=0.0))
    assert (seconds, left_out) == (31.0, {"hole": 22.0})
    assert length(spans) == 9.0


def test_left_out_of_a_whole_time_line_is_nothing():
    line = Timeline(picture=((0.0, 9.0),), sound=((0.0, 9.0),))
    assert seconds_left_out(line, line.spans(), [line.extent()]) == {}


def test_description_of_an_account_names_the_largest_reason_first():
    card = {"seconds": 4680.0, "covered_seconds": 1440.0, "other_audio_tracks": 0}
    card["left_out_seconds"] = {"no sound": 30.0, "hole": 41.0, "no picture": 0.01}
    assert describe_account(card) == ["1.300 hours in, 0.400 as clips, 0.020 left out: hole 41.0 s, no sound 30.0 s"]
    (line, tracks) = describe_account(card | {"left_out_seconds": {"no sound": 0.01}, "other_audio_tracks": 2})
    assert line == "1.300 hours in, 0.400 as clips, none left out"
    assert tracks == "2 sources whose sound is not their first audio track"
