"""Starting Ray: a small cluster of its own on a laptop, or the one named by RAY_ADDRESS."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import ray
import ray.data
import ray.exceptions

from infra.errors import InputError
from infra.ray_address import check_cluster, cluster_address
from infra.socket_folder import socket_folder
from infra.waiting import telling

ROOT = str(Path(__file__).resolve().parent.parent)

# Read by Ray's processes when they start; none overrides what the user has set.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "60",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Ray ends a process that idled for a second once there are more processes than processors; training workers and
    # actors are that many already, so that every reading task would pay for a new process, seconds of imports each.
    "RAY_num_workers_soft_limit": "16",
    "RAY_idle_worker_killing_time_threshold_ms": "600000",
    "PYTHONWARNINGS": "ignore::FutureWarning",
    # What a task of Ray Data returned is looked at at once, not a turn of its loop later: the next begins after 0.08 s instead of 0.2.
    "RAY_DATA_METADATA_PREFETCH_ON_THREAD": "0",
}


@contextlib.contextmanager
def running(
    *, num_cpus: int | None = None, object_store_mb: int | None = None, dashboard: bool = False
) -> Iterator[None]:
    """Have Ray for as long as the block runs; a cluster that was there before is used, and stays. What waits for room is told.

    Args:
        num_cpus: processors of a cluster of our own, all of the machine if not given; at least 2.
        object_store_mb: its object store; 250 for every processor if not given.
        dashboard: whether it has one; without, processors of stopped trials that have workers are never given back.

    Raises:
        InputError: If RAY_ADDRESS names no cluster that answers, or the one of this machine asks for a token.
    """
    if ray.is_initialized():
        yield
        return
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    with contextlib.ExitStack() as ended:
        if address := cluster_address():
            _attach(address)
        else:
            os.environ.setdefault("RAY_AUTH_MODE", "disabled")
            paths = os.environ.get("PYTHONPATH", "")
            if ROOT not in paths.split(os.pathsep):
                os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (ROOT, paths)))
            processors = max(2, num_cpus or os.cpu_count() or 2)
            with _threads_by_reservation():
                ray.init(
                    address="local",
                    num_cpus=processors,
                    object_store_memory=(object_store_mb or 250 * processors) * 2**20,
                    include_dashboard=dashboard,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    _temp_dir=ended.enter_context(socket_folder()),
                )
        ended.callback(ray.shutdown)
        ended.enter_context(telling(dashboard_address() if address else None))
        yield


def _attach(address: str) -> None:
    """Connect to the cluster that RAY_ADDRESS names, or to the one that runs on this machine, which is then said."""
    check_cluster()
    os.environ.setdefault("RAY_TRAIN_ENABLE_STATE_TRACKING", "1")  # what the dashboard lists at /api/train/v2/runs/v1
    if os.environ.get("RAY_ADDRESS"):
        ray.init(log_to_driver=False, logging_level=logging.ERROR)
        return
    print(
        f"runs on the Ray cluster of this machine, {address}; RAY_ADDRESS=local starts a small one instead", flush=True
    )
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ray.exceptions.AuthenticationError):
        raise InputError(
            f"RAY_AUTH_MODE: the Ray cluster of this machine, {address}, refuses '{os.environ.get('RAY_AUTH_MODE', '')}'; "
            "give what its head was started with, or RAY_ADDRESS=local to start a small Ray"
        ) from None


@contextlib.contextmanager
def _threads_by_reservation() -> Iterator[None]:
    """Hide this process's number of threads from a cluster that starts: each of its tasks then has as many as it reserves processors.

    With two threads for every task, two processors prepare clips at half the speed.
    """
    threads = os.environ.pop("OMP_NUM_THREADS", None)
    try:
        yield
    finally:
        if threads is not None:
            os.environ["OMP_NUM_THREADS"] = threads


def dashboard_address() -> str | None:
    """Return the address of the running cluster's dashboard, None where it has none."""
    if not ray.is_initialized():
        return None
    url = ray.get_runtime_context().worker.node.webui_url if ray.get_runtime_context().worker.node else None
    return f"http://{url}" if url else None


def num_processors() -> float:
    """Return how many processors the running cluster has."""
    return ray.cluster_resources().get("CPU", 0.0)
