"""What makes a file slow to read by single clips is seen in its footer and the headers of its pages."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.doctor.layout import flag_layout, read_layout

CHANCE = np.random.default_rng(0)


def names(path):
    return {flag.name for flag in flag_layout(read_layout(str(path)))}


def write(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


@pytest.fixture
def blobs():
    return [CHANCE.bytes(20_000) for _ in range(40)]


def test_plain_media_columns_are_without_a_flag(tmp_path, blobs):
    plain = {"compression": "NONE", "use_dictionary": False, "write_statistics": False}
    assert names(write(tmp_path / "x.parquet", {"frames": blobs}, **plain)) == set()


def test_what_pyarrow_does_to_media_unasked_is_flagged(tmp_path, blobs):
    assert names(write(tmp_path / "x.parquet", {"frames": blobs})) == {"compression on media", "dictionary on media"}
    small = {"frames": [CHANCE.bytes(100) for _ in range(40)]}
    options = {"compression": "NONE", "use_dictionary": False}
    assert names(write(tmp_path / "y.parquet", small, **options)) == {"statistics on media"}


def test_pages_are_counted_as_they_were_written(tmp_path, blobs):
    options = {"compression": "NONE", "use_dictionary": False, "max_rows_per_page": 8}
    path = write(tmp_path / "x.parquet", {"frames": blobs, "name": [str(i) for i in range(40)]}, **options)
    frames, name = read_layout(str(path)).columns
    assert frames.largest_page.num_values == 8
    assert 8 * 20_000 < frames.largest_page.num_bytes < 8 * 20_100
    assert name.largest_page is None


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_one_page_for_many_clips_is_flagged_and_so_is_a_dictionary_of_them(tmp_path, version):
    large = {"frames": [CHANCE.bytes(2**20) for _ in range(40)]}
    plain = {"compression": "NONE", "write_statistics": False, "data_page_version": version}
    assert "giant page" in names(write(tmp_path / "x.parquet", large, use_dictionary=False, **plain))
    assert "giant page" in names(write(tmp_path / "y.parquet", large, dictionary_pagesize_limit=2**30, **plain))


def test_pixel_lists_and_tensor_columns_are_flagged_and_short_lists_are_not(tmp_path):
    pixels = [CHANCE.integers(0, 255, 3000).astype(np.uint8) for _ in range(4)]
    assert "pixel list" in names(write(tmp_path / "x.parquet", {"image": pa.array(pixels)}))
    tensors = pa.FixedShapeTensorArray.from_numpy_ndarray(np.zeros((4, 8, 8, 3), np.uint8))
    assert "tensor column" in names(write(tmp_path / "y.parquet", {"image": tensors}))
    assert names(write(tmp_path / "z.parquet", {"boxes": [[[0.1, 0.2, 0.3, 0.4]]] * 4})) == set()


def test_a_file_without_rows_is_flagged(tmp_path):
    assert names(write(tmp_path / "x.parquet", {"frames": pa.array([], pa.binary())})) == {"empty file"}


def test_a_file_of_other_bytes_is_an_error_and_a_broken_page_too(tmp_path, blobs):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 but nothing else PAR1")
    with pytest.raises(pa.ArrowException):
        read_layout(str(tmp_path / "x.parquet"))
    path = write(tmp_path / "y.parquet", {"frames": blobs}, use_dictionary=False, compression="NONE")
    data = bytearray(path.read_bytes())
    data[4:40] = b"\xff" * 36
    path.write_bytes(data)
    with pytest.raises(ValueError, match="page header"):
        read_layout(str(path))
