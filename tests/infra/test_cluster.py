"""A cluster of our own: what its tasks are given, and what is said while they wait."""

import os

import pytest
import ray
from ray.util.placement_group import placement_group, remove_placement_group

from infra import cluster


def threads() -> str:
    return os.environ["OMP_NUM_THREADS"]


@pytest.mark.ray
def test_tasks_have_as_many_threads_as_they_reserve_processors(ray_cluster):
    ask = ray.remote(threads)
    found = [ray.get(ask.options(num_cpus=count).remote()) for count in (1, 2)]
    assert found == ["1", "2"]


@pytest.mark.ray
def test_waiting_says_for_what_and_how_much_is_free(ray_cluster):
    assert cluster.describe_waiting() == ""
    first = placement_group([{"CPU": 2}])
    ray.get(first.ready())
    second = placement_group([{"CPU": 0.5}, {"CPU": 0.5}])
    try:
        assert second.wait(0) is False
        assert cluster.describe_waiting() == "waiting for 2 x 0.5 CPU, 0 free"
    finally:
        remove_placement_group(second)
        remove_placement_group(first)
