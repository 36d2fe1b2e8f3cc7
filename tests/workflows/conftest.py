"""The small dataset's videos, and a model trained on it: made once for all tests of the verbs."""

from pathlib import Path

import pytest

from workflows.recipes import multisensory
from workflows.train.fit import fit
from workflows.train.job import Scaling


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
            data=small_dataset,
            run_name="shared",
            scaling=Scaling(num_workers=0),
        )
