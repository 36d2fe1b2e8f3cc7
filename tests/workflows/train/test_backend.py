"""Where a run trains: on the GPU only if it was asked for, on gloo where several workers share one."""

import pytest

from infra.errors import InputError
from workflows.train.backend import LocalBackend
from workflows.train.fit import worker_settings
from workflows.train.job import Scaling


def test_without_use_gpu_a_process_trains_on_the_cpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert LocalBackend().device.type == "cpu"
    assert LocalBackend(use_gpu=True).device.type == "cuda"


@pytest.mark.parametrize(
    ("share", "workers", "backend"), [(1.0, 2, None), (0.5, 2, "gloo"), (0.5, 1, None)], ids=["own", "shared", "alone"]
)
def test_workers_that_share_a_gpu_talk_over_gloo(share, workers, backend):
    scaling = Scaling(num_workers=workers, use_gpu=True, resources_per_worker={"CPU": 1, "GPU": share})
    assert worker_settings(scaling).backend == backend


@pytest.mark.parametrize(("reserved", "threads"), [(None, 1), ({"CPU": 4.0}, 4), ({"CPU": 0.5}, 1)])
def test_a_worker_has_a_thread_for_every_processor_that_it_reserves(reserved, threads):
    assert worker_settings(Scaling(num_workers=2, resources_per_worker=reserved)).num_threads == threads


def test_batch_norms_of_all_workers_need_gpus():
    with pytest.raises(InputError, match="--sync-batch-norm: True needs GPUs"):
        Scaling(sync_batch_norm=True)
