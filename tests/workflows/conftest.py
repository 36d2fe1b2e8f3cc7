"""A small dataset of scenes, one of them broken, and a model trained on it: made once for all tests of the verbs."""

from pathlib import Path

import pytest

from datasets.preparation import Preparation
from datasets.sources.catalog import list_sources, render_scenes
from workflows.driver import Scaling, fit
from workflows.recipes import multisensory


@pytest.fixture(scope="session")
def small_dataset(ray_cluster, small_config, tmp_path_factory):
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
def scene_folder(small_dataset):
    """Videos of 4 s."""
    return Path(small_dataset, "videos")


@pytest.fixture(scope="session")
def trained(small_dataset, tracking_template, tmp_path_factory):
    """What a short training came to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SENSORIUM_HOME", str(tmp_path_factory.mktemp("trained")))
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tracking_template}")
        return fit(
            "multisensory",
            multisensory.tiny(),
            dataset=small_dataset,
            run_name="shared",
            scaling=Scaling(num_workers=0),
        )
