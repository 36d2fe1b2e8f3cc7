"""The table of offsets as a screen: what is beyond the limit goes, what is not known stays, and other tables are refused."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.tables.offsets import OFFSET_SCHEMA, describe_screened, read_offset_screen
from infra.errors import InputError


@pytest.fixture
def answers(tmp_path):
    rows = [
        {"video": "/v/late.mp4", "verdict": "out of sync", "offset_ms": 400.0},
        {"video": "/v/early.mp4", "verdict": "out of sync", "offset_ms": -250.0},
        {"video": "/v/fine.mp4", "verdict": "in sync", "offset_ms": 20.0},
        {"video": "/v/silent.mp4", "verdict": "cannot tell", "offset_ms": None},
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=OFFSET_SCHEMA), tmp_path / "files.parquet")
    return tmp_path


@pytest.mark.parametrize("limit", [200, 300])
def test_offset_screen_leaves_out_only_known_offsets_beyond_the_limit(answers, limit):
    for place in (answers, answers / "files.parquet"):
        screen = read_offset_screen(str(place), limit)
        judged = screen.judge_all([f"/v/{name}.mp4" for name in ("late", "early", "fine", "silent", "other")])
        early = "beyond" if limit < 250 else "within"
        assert judged == ["beyond", early, "within", "cannot tell", "not asked"]


def test_offset_screen_is_none_where_nothing_is_asked():
    assert read_offset_screen(None, None) is None
    assert describe_screened({}) == []


def test_offset_screen_refuses_what_is_no_table_of_the_sources(answers, tmp_path):
    pq.write_table(pa.table({"other": [1]}), tmp_path / "other.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"no table")
    for place in ("other.parquet", "broken.parquet"):
        with pytest.raises(InputError, match=r"--offsets: '.*' is no table of offsets; make one with python -m"):
            read_offset_screen(str(tmp_path / place), 200)
    with pytest.raises(InputError, match=r"--offsets: '/no/such' holds no files.parquet; make it with python -m"):
        read_offset_screen("/no/such", 200)
    with pytest.raises(InputError, match=r"has none of the 2 sources; ask about the same files"):
        read_offset_screen(str(answers), 200).judge_all(["a", "b", "a"])
