"""A cluster of our own: what its tasks are given."""

import os

import pytest
import ray


def threads() -> str:
    return os.environ["OMP_NUM_THREADS"]


@pytest.mark.ray
def test_tasks_have_as_many_threads_as_they_reserve_processors(ray_cluster):
    ask = ray.remote(threads)
    found = [ray.get(ask.options(num_cpus=count).remote()) for count in (1, 2)]
    assert found == ["1", "2"]
