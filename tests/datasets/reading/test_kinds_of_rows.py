"""Rows of still pictures, texts and sound come in batches like clips."""

import dataclasses
import io
import itertools

import numpy as np
import pytest
from PIL import Image

from datasets.reading.read_plan import ReadPlan
from datasets.reading.reader import read_units
from datasets.reading.selection import Selection, select_units
from datasets.reading.stream import BatchStream
from infra.errors import InputError

COLUMNS = ("clip_id", "image", "texts", "log_mel")


def still(value, size=(6, 4)):
    data = io.BytesIO()
    Image.new("RGB", size, (value, 0, 9)).save(data, "PNG")
    return data.getvalue()


def spectrogram(config, value):
    return np.full((config.log_mel.num_bins, config.num_hops), value, np.float16).tobytes()


@pytest.fixture
def config(small_config):
    return dataclasses.replace(small_config, modalities=("sound", "image", "text"))


@pytest.fixture
def dataset(make_clips, config):
    """Two shards of ten rows, each with a picture, a sound and a caption of its number."""
    shards = {
        str(shard): [
            {
                "clip_id": str(number),
                "image": still(number),
                "log_mel": spectrogram(config, number),
                "texts": [{"role": "caption", "text": f"number {number}"}],
                "fold": number % 2,
            }
            for number in range(10 * shard, 10 * shard + 10)
        ]
        for shard in range(2)
    }
    return make_clips(shards)


def check(batch, config):
    for row, name in enumerate(batch["clip_id"]):
        assert batch["image"][row].shape == (4, 6, 3)
        assert batch["image"][row][0, 0].tolist() == [int(name), 0, 9]
        assert batch["texts"][row][0]["text"] == f"number {name}"
        assert (batch["log_mel"][row] == float(name)).all()
    assert batch["image"].dtype == np.uint8 and batch["log_mel"].dtype == np.float32


def test_stream_of_rows_gives_images_texts_and_sound(dataset, config):
    groups = select_units(dataset, "train", unit="row", requires=("image", "texts:caption", "log_mel")).groups
    plan = ReadPlan(groups=groups, batch_size=4, world_size=1, rank=0, seed=0, pool_bytes=2**20)
    found = BatchStream(plan, columns=COLUMNS, config=config).batches()
    batches = list(itertools.islice(found, plan.steps_per_epoch))
    assert sorted(int(name) for batch in batches for name in batch["clip_id"]) == list(range(20))
    for batch in batches:
        check(batch, config)


def test_read_units_of_rows_gives_images_texts_and_sound(dataset, config):
    groups = select_units(dataset, "train", unit="row", selection=Selection(folds=(1,))).groups
    batches = list(read_units(groups, columns=COLUMNS, config=config, batch_size=4))
    assert [len(batch["clip_id"]) for batch in batches] == [4, 4, 2]
    assert [int(name) for batch in batches for name in batch["clip_id"]] == list(range(1, 20, 2))
    for batch in batches:
        check(batch, config)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([still(1), still(2, (5, 5))], "several sizes, such as 6x4 and 5x5; prepare the dataset with --image-size"),
        ([still(1), None], "some rows have no still picture"),
        ([still(1), b"none"], "a stored picture is broken"),
    ],
)
def test_read_images_that_make_no_batch_are_refused(make_clips, config, images, message):
    dataset = make_clips({"0": [{"clip_id": str(row), "image": data} for row, data in enumerate(images)]})
    groups = select_units(dataset, "train", unit="row").groups
    with pytest.raises(InputError, match=message):
        list(read_units(groups, columns=("image",), config=config, batch_size=2))
