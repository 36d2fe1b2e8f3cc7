import numpy as np
import pytest

from datasets.media import Coding, MediaError, coding_of, measure_codec_delay, write_video


@pytest.mark.parametrize(
    "coding",
    [("mp4", "h264", "aac"), ("matroska", "vp9", "opus"), ("mpegts", "h264", "aac"), ("avi", "mpeg4", "mp3")],
    ids="/".join,
)
def test_sound_and_picture_come_back_within_eleven_milliseconds(coding):
    assert abs(measure_codec_delay(Coding(*coding))) < 0.011


def test_a_coding_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(MediaError, match="cannot write"):
        measure_codec_delay(Coding("mp4", "svq1", "aac"))


def test_a_file_says_how_it_is_coded(tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, np.zeros((15, 32, 32, 3), np.uint8), np.zeros(16000), frame_rate=15, sample_rate=16000)
    assert coding_of(path) == Coding("mp4", "h264", "aac")
