"""The audit, as a command, of datasets in which one thing is wrong, names that and nothing else."""

import json

import pytest

from datasets.card import warn_of_leaks
from tests.workflows.audit.checks import leaky
from workflows.audit.__main__ import audit
from workflows.audit.checks.check import NUM_CHECKS

NULL_SCENES = 12

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(scope="module")
def recordings():
    return leaky.record_scenes(160, seed=0)


@pytest.fixture
def audited(ray_cluster, tracking, tmp_path):
    def call():
        folder = tmp_path / "data"
        audit(str(folder), null_scenes=NULL_SCENES)
        found = json.loads((folder / "audit.json").read_text())
        assert len(found["checks"]) == NUM_CHECKS
        return found

    return call


def leaks(found):
    return {check["name"]: check["detail"] for check in found["checks"] if check["verdict"] == "leak"}


@pytest.mark.parametrize("label_mode", ["pairs", "slice"])
def test_audit_of_clean_data_raises_no_alarm(audited, tmp_path, recordings, label_mode):
    leaky.clean(tmp_path / "data", recordings, label_mode=label_mode)
    found = audited()
    few = [check["name"] for check in found["checks"] if check["verdict"] != "pass"]
    assert few == ["null data"], "of few scenes"
    assert warn_of_leaks(str(tmp_path / "data")) == []


@pytest.mark.parametrize(
    ("plant", "names", "tells"),
    [
        (leaky.seam, {"sound statistics", "audio only"}, "seam tells"),
        (leaky.late_sound, {"start marginals"}, "against sound start"),
        (leaky.priming, {"sound statistics", "audio only"}, "level at the start tells"),
        (leaky.low_pass, {"sound statistics", "audio only"}, "longest silence tells"),
        (leaky.gray, {"video only"}, "cross-fitted probe"),
        (leaky.clocks, {"clock matching"}, "another recording's sound from the same start"),
        (leaky.duplicates, {"duplicates across splits"}, "scene-0001 and others"),
    ],
)
def test_audit_names_the_planted_leak_and_nothing_else(audited, tmp_path, recordings, plant, names, tells):
    plant(tmp_path / "data", recordings)
    found = audited()
    assert found["verdict"] == "leak"
    assert set(leaks(found)) == names
    assert any(tells in detail for detail in leaks(found).values())
    assert "leaks its labels" in warn_of_leaks(str(tmp_path / "data"))[0]
