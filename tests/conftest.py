"""What all tests share: a quiet environment, one Ray cluster, a migrated tracking store, the real data where there are any."""

import atexit
import dataclasses
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["RAY_ADDRESS"] = "local"  # whatever else runs on this machine
os.environ["RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"] = "60"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["PYTHONWARNINGS"] = "ignore"
if "PYTEST_XDIST_WORKER" in os.environ:
    # Each of several pytests has a folder of its own for Ray's link to its latest session.
    os.environ["RAY_TMPDIR"] = tempfile.mkdtemp(prefix="r", dir="/tmp")
    atexit.register(shutil.rmtree, os.environ["RAY_TMPDIR"], ignore_errors=True)

import numpy as np
import pytest
import torch

from datasets.clips.spectrogram import LogMelConfig
from datasets.config import PreparationConfig

ROOT = Path(__file__).resolve().parent.parent
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a module's tests on clusters in one of several pytests, and let the modules with slow tests begin."""

    def slow(item: pytest.Item) -> bool:
        return item.get_closest_marker("slow") is not None

    first = {item.path for item in items if slow(item)}
    clustered = {item.path for item in items if item.get_closest_marker("ray")}
    items.sort(key=lambda item: (item.path not in first, item.path not in clustered))
    for item in items:
        if item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.xdist_group(str(item.path)))


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
    from infra.tracking.client import impatient_client

    path = tmp_path_factory.mktemp("tracking") / "mlflow.db"
    impatient_client(f"sqlite:///{path}")
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
def photo_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 12 photos of 40 x 30 pixels with two captions each, 8 for training, 2 and 2 for the other splits; a photo is missing."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("photos")
    lines = ["image,caption_1,caption_2,split"]
    for index in range(12):
        name = f"{index}.{'png' if index % 2 else 'jpg'}"
        Image.new("RGB", (40, 30), (20 * index, 100, 50)).save(folder / name)
        split = "train" if index < 8 else "val" if index < 10 else "test"
        lines.append(f"{name},photo {index},again photo {index},{split}")
    (folder / "photos.csv").write_text("\n".join([*lines, "gone.jpg,lost,,train"]))
    return folder / "photos.csv"


@pytest.fixture(scope="session")
def sound_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 12 sounds with labels and folds: ten of 2 s, one that lacks a hundredth of a second, one of half a second."""
    import json
    import wave

    folder = tmp_path_factory.mktemp("sounds")
    rows = []
    for index, seconds in enumerate([2.0] * 10 + [0.99, 0.5]):
        time = np.arange(round(8000 * seconds)) / 8000
        samples = 8000 * np.sin(2 * np.pi * (200 + 50 * index) * time)
        with wave.open(str(folder / f"{index}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(samples.astype("<i2").tobytes())
        rows.append(
            {"path": f"{index}.wav", "class": "low" if index < 5 else "high", "fold": index % 3, "word": str(index)}
        )
    (folder / "sounds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "sounds.jsonl"


@pytest.fixture(scope="session")
def photo_dataset(ray_cluster: None, small_config: PreparationConfig, photo_table: Path) -> str:
    """The photos with their captions, of 16 x 16 pixels."""
    config = dataclasses.replace(small_config, modalities=("image", "text"), image_size=16)
    return _prepared(photo_table, config)


@pytest.fixture(scope="session")
def sound_dataset(ray_cluster: None, small_config: PreparationConfig, sound_table: Path) -> str:
    """The sounds, in clips of a second; the shortest is an error."""
    return _prepared(sound_table, dataclasses.replace(small_config, modalities=("sound",)), "label=class")


def _prepared(table: Path, config: PreparationConfig, *columns: str) -> str:
    from datasets.preparation.preparation import Preparation
    from datasets.sources.listing import list_sources

    dataset = str(table.parent / "dataset")
    sources, errors = list_sources(str(table), video_root=None, classes=(), columns=columns)
    preparation = Preparation(dataset, config)
    preparation.plan(sources, missing=errors)
    preparation.run()
    return dataset


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = Path(os.environ.get("SENSORIUM_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.exists():
        pytest.skip("no real media: set SENSORIUM_REAL_DATA to a folder with videos, faces and formats")
    return folder
