import http.server
import threading

import pytest
import ray
from ray._private.utils import write_ray_address

from infra import ray_address
from infra.errors import InputError
from infra.ray_address import check_cluster


@pytest.fixture
def web_server():
    """The address of a server that speaks HTTP, as a dashboard does."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_ray_address_of_a_dashboard_is_told_from_a_head(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "http://head:8265")
    with pytest.raises(
        InputError, match=r"^RAY_ADDRESS: 'http://head:8265' is the address of a dashboard.*give HOST:6379"
    ):
        check_cluster()


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_ray_address_where_no_cluster_answers_is_refused(monkeypatch, web_server, scheme):
    monkeypatch.setattr(ray_address, "_SECONDS", 0.5)
    monkeypatch.setenv("RAY_ADDRESS", scheme + web_server)
    with pytest.raises(
        InputError, match=rf"^RAY_ADDRESS: no Ray cluster answers at '{scheme}{web_server}' within 0.5 s; "
    ):
        check_cluster()


def test_ray_address_without_a_port_is_refused(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "head")
    with pytest.raises(InputError, match=r"^RAY_ADDRESS: 'head' is not HOST:PORT; give HOST:6379"):
        check_cluster()


@pytest.mark.ray
def test_ray_address_of_a_running_cluster_is_taken(monkeypatch, ray_cluster):
    monkeypatch.setenv("RAY_ADDRESS", ray.get_runtime_context().gcs_address)
    check_cluster()


@pytest.fixture
def left_address(tmp_path, monkeypatch):
    """Leaves word of a head on this machine, as `ray start` does."""
    monkeypatch.delenv("RAY_ADDRESS")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray").mkdir()

    def leave(address):
        write_ray_address(address)

    return leave


def test_ray_address_of_a_head_that_is_gone_is_not_taken(left_address, web_server):
    assert ray_address.cluster_address() == ""
    left_address(web_server)
    assert ray_address.cluster_address() == ""


@pytest.mark.ray
def test_ray_address_of_a_head_that_answers_is_taken_unless_local_is_asked_for(left_address, ray_cluster, monkeypatch):
    left_address(ray.get_runtime_context().gcs_address)
    assert ray_address.cluster_address() == ray.get_runtime_context().gcs_address
    monkeypatch.setenv("RAY_ADDRESS", "local")
    assert ray_address.cluster_address() == ""


def test_ray_address_local_starts_a_cluster_of_its_own(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "local")
    assert ray_address.cluster_address() == ""
