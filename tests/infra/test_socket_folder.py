import subprocess
import sys
from pathlib import Path

import pytest

from infra.cluster import ROOT
from infra.socket_folder import socket_folder

_START = "import ray; from infra import cluster\nwith cluster.running(num_cpus=2, object_store_mb=100): print(ray.get(ray.put(3)))"


def test_socket_folder_of_a_short_tmpdir_is_rays_own(monkeypatch):
    monkeypatch.setenv("TMPDIR", "/tmp")
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    with socket_folder() as folder:
        assert folder is None


def test_socket_folder_of_a_long_tmpdir_is_a_short_link_that_goes_away(monkeypatch, tmp_path):
    long = tmp_path / ("x" * 60)
    monkeypatch.setenv("TMPDIR", str(long))
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    with socket_folder() as folder:
        assert folder is not None
        assert len(folder) <= 40
        assert Path(folder).resolve() == long / "ray"
    assert not Path(folder).parent.exists()
    assert (long / "ray").is_dir()


@pytest.mark.ray
def test_socket_folder_lets_ray_start_below_a_long_tmpdir(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / ("x" * 60)))
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    done = subprocess.run([sys.executable, "-c", _START], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr[-2000:]
    assert list((tmp_path / ("x" * 60) / "ray").glob("session_2*"))
