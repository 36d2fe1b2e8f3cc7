"""Real files, odd and broken ones among them: each ends as rows or as a named error."""

from collections import Counter

import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from datasets.config import PreparationConfig
from datasets.media import length
from datasets.preparation.draft import write_draft
from datasets.preparation.plan import read_plan, read_shard
from datasets.preparation.preparation import Preparation
from datasets.sources.listing import list_sources

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture
def sources(real_data, tmp_path):
    for name in ("videos", "faces", "formats"):
        (tmp_path / "all" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "all" / name).symlink_to(real_data / name)
    found, missing = list_sources(str(tmp_path / "all"), video_root=None, classes=())
    assert (len(found), missing) == (80, [])
    return found


def test_with_windows_of_one_second_every_file_ends_as_rows_or_as_a_named_error(ray_cluster, sources, tmp_path):
    config = PreparationConfig(clip_seconds=1.0, size=64, min_shift_seconds=0.5, max_shift_seconds=3.0)
    preparation = Preparation(str(tmp_path / "clips"), config)
    preparation.plan(sources)
    preparation.run()
    table = pyarrow.dataset.dataset(tmp_path / "clips" / "clips", partitioning="hive").to_table(columns=["source"])
    errors = pq.read_table(tmp_path / "clips" / "errors.parquet").to_pylist()
    used, refused = set(table["source"].to_pylist()), {row["source"] for row in errors}
    assert used | refused == {source.path for source in sources}
    assert not used & refused
    assert Counter(row["reason"] for row in errors) == {
        "no audio stream": 5,
        "no video stream": 1,
        "cannot open": 1,
    }
    for source in (source for shard in read_plan(preparation.dataset) for source in read_shard(shard).sources):
        reach = length([(begin, end) for begin, end in source.line.spans() if end - begin >= config.clip_seconds])
        assert source.seconds == pytest.approx(reach + sum(source.left_out.values()), abs=1 / config.frame_rate)


def test_with_the_defaults_33_of_the_videos_and_faces_are_long_enough_for_a_pair(ray_cluster, sources, tmp_path):
    preparation = Preparation(str(tmp_path / "clips"), PreparationConfig())
    preparation.plan(sources)
    write_draft(preparation.draft, preparation.dataset)
    planned = [source for shard in read_plan(preparation.dataset) for source in read_shard(shard).sources]
    assert len(planned) + len(preparation.errors) == 80
    assert sum(source.has_pair and "/formats/" not in source.path for source in planned) == 33


def test_recordings_that_occur_twice_share_an_identity(ray_cluster, sources, tmp_path):
    preparation = Preparation(str(tmp_path / "clips"), PreparationConfig(clip_seconds=1.0, min_shift_seconds=0.5))
    preparation.plan(sources)
    copies = Counter(preparation.draft.identities.recording_ids.to_pylist())
    assert sorted(count for count in copies.values() if count > 1) == [2, 2, 2, 2]
