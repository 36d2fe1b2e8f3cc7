"""Audit of datasets without picture and sound: what cannot be asked is said, a line each."""

import shutil

import pytest

from datasets.config import PreparationConfig
from infra.errors import InputError
from workflows.audit.checks.windows import read_windows
from workflows.audit.dataset_checks import audit_dataset
from workflows.audit.page import audit_page, describe_audit

pytestmark = pytest.mark.ray


@pytest.mark.parametrize(
    ("name", "reason"),
    [("photo_dataset", "rows have no moving picture and no sound"), ("sound_dataset", "rows have no moving picture")],
)
def test_audit_says_what_cannot_be_asked(request, name, reason, tmp_path):
    dataset = str(shutil.copytree(request.getfixturevalue(name), tmp_path / "dataset"))
    found = audit_dataset(dataset, max_rows=100, null_scenes=10)
    assert [check["name"] for check in found["checks"]] == ["duplicates across splits"]
    assert found["verdict"] == "pass"
    lines = [line for line in describe_audit(found).splitlines() if "not asked" in line]
    assert len(lines) == 9 and all(line.endswith(reason) for line in lines)
    assert reason in audit_page(found, heading="Audit", intro=str(found["not_asked"]))


def test_audit_of_a_model_refuses_rows_without_picture(sound_dataset):
    with pytest.raises(InputError, match="cannot be asked for sync: rows have no moving picture and no sound"):
        read_windows(sound_dataset, PreparationConfig(modalities=("image",)), max_rows=10)
