import os

import pytest
import ray.data

from datasets.media import MediaError
from datasets.preparation.attempts import forget, guarded


def read(row, *, dataset):
    """Dies as a native decoder does when the file is deadly."""
    try:
        with guarded(dataset, row["path"], stage="decode"):
            if row["path"] == "deadly.wav":
                os._exit(139)
    except MediaError as error:
        return {"path": row["path"], "reason": error.reason, "detail": error.detail}
    return {"path": row["path"], "reason": "", "detail": ""}


@pytest.mark.ray
def test_a_file_that_kills_its_process_twice_becomes_an_error_row(ray_cluster, tmp_path):
    rows = [{"path": name} for name in ("a.mp4", "deadly.wav", "b.mp4")]
    stream = ray.data.from_items(rows, override_num_blocks=3).map(read, fn_kwargs={"dataset": str(tmp_path)})
    found = {row["path"]: (row["reason"], row["detail"]) for row in stream.iter_rows()}
    assert found == {
        "a.mp4": ("", ""),
        "b.mp4": ("", ""),
        "deadly.wav": ("crashes the decoder", "2 processes died reading it"),
    }


def test_an_error_in_reading_leaves_no_mark(tmp_path):
    with pytest.raises(MediaError), guarded(str(tmp_path), "a.mp4", stage="probe"):
        raise MediaError("probe", "cannot open", "")
    with guarded(str(tmp_path), "a.mp4", stage="probe"):
        pass


def test_marks_of_an_interrupted_run_are_forgotten(tmp_path):
    for _ in range(2):
        reading = guarded(str(tmp_path), "a.mp4", stage="decode")
        reading.__enter__()
    forget(str(tmp_path))
    with guarded(str(tmp_path), "a.mp4", stage="decode"):
        pass
