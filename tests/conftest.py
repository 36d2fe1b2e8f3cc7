"""What all tests share: a quiet environment, one Ray cluster, a migrated tracking store, the real data where there are any."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"] = "60"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["PYTHONWARNINGS"] = "ignore"

import numpy as np
import pytest
import torch

from datasets.clips.spectrogram import LogMelConfig
from datasets.config import PreparationConfig

ROOT = Path(__file__).resolve().parent.parent
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@pytest.fixture(autouse=True)
def _seed() -> None:
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("ray"):
        return  # a cluster talks over the machine's own address
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in _LOOPBACK:
            raise AssertionError(f"a test reached for the network: {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    from infra import cluster

    with cluster.running(num_cpus=2, object_store_mb=200):
        yield


@pytest.fixture(scope="session")
def small_config() -> PreparationConfig:
    """Clips of a second that are prepared in no time."""
    return PreparationConfig(
        clip_seconds=1.0,
        frame_rate=8.0,
        size=32,
        sample_rate=8000,
        min_shift_seconds=0.5,
        max_shift_seconds=2.0,
        log_mel=LogMelConfig(num_bins=8, window_ms=64, hop_ms=32),
        validation_share=0.2,
        test_share=0.2,
    )


@pytest.fixture(scope="session")
def tracking_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracking store whose tables are made: seconds that only one test pays."""
    from infra import tracking

    path = tmp_path_factory.mktemp("tracking") / "mlflow.db"
    tracking._client(f"sqlite:///{path}")
    return path


@pytest.fixture
def tracking(tracking_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    shutil.copy(tracking_template, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return uri


@pytest.fixture(scope="session")
def small_dataset(ray_cluster: None, small_config: object, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A dataset of 24 scenes of 4 s, beside one file that is no video."""
    from datasets.preparation.preparation import Preparation
    from datasets.sources.listing import list_sources, render_scenes

    folder = str(tmp_path_factory.mktemp("scenes"))
    sources = render_scenes(folder, num_videos=24, level="medium", config=small_config)
    broken = Path(folder, "broken.mp4")
    broken.write_text("no video")
    preparation = Preparation(folder, small_config)
    found, _ = list_sources(folder, video_root=None, classes=())
    preparation.plan([*sources, *(source for source in found if source.path == str(broken))])
    preparation.run()
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = Path(os.environ.get("SENSORIUM_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.exists():
        pytest.skip("no real media: set SENSORIUM_REAL_DATA to a folder with videos, faces and formats")
    return folder
