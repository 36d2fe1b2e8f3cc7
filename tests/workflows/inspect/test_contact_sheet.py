import io

import numpy as np
from PIL import Image

from datasets.doctor import Sample, examine, read_samples
from workflows.inspect.contact_sheet import contact_sheet
from workflows.inspect.summary import describe_examination


def sheet(*samples):
    return np.asarray(Image.open(io.BytesIO(contact_sheet(samples)))).astype(int)


def sample(**seen):
    return Sample(**seen, label="dog", split="train", video_id="a.mp4")


def test_sheet_shows_a_still_and_its_text():
    image = np.full((30, 60, 3), (200, 0, 0), np.uint8)
    found = sheet(sample(image=image, texts=("a caption",)))
    red = (found == (200, 0, 0)).all(axis=2)
    assert red.any(axis=1).sum() == 112 and red.any(axis=0).sum() == 224
    without = sheet(sample(image=image))
    assert found.shape[0] == without.shape[0] + 14


def test_sheet_shows_a_sound_as_a_spectrogram_with_low_tones_below():
    log_mel = np.full((8, 20), -10.0, np.float32)
    log_mel[0] = 0.0
    found = sheet(sample(log_mel=log_mel))[10:122, 10:300]
    assert found[-5].sum(axis=1).min() > 500 > found[:60].sum(axis=2).max()


def test_sheet_shows_a_still_beside_its_sound_and_texts_alone():
    image, log_mel = np.zeros((40, 40, 3), np.uint8), np.ones((8, 20), np.float32)
    both, only = sheet(sample(image=image, log_mel=log_mel)), sheet(sample(texts=("one", "two")))
    assert both.shape[1] == only.shape[1]
    assert (both[60, 10:350] != 250).any(axis=1).sum() >= 338
    assert (only[10:40, 10:60] < 200).any()


def test_inspect_of_stills_and_sounds_has_no_flag(photo_dataset, sound_dataset):
    for dataset, expected, missing in (
        (photo_dataset, "image    stills of 16 x 16", "picture  "),
        (sound_dataset, "sound    1 s at 8000 Hz", "motion,"),
    ):
        found = examine(dataset)
        said = describe_examination(found)
        assert expected in said and "flags    none" in said and missing not in said
        samples, flags = read_samples(found, count=6)
        assert len(samples) == 6 and flags == []
        assert all(each.texts for each in samples)
        assert contact_sheet(samples)
