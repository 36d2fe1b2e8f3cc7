"""What waits for room says for what: groups of workers and trials, and tasks and actors; those that take turns say nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import ray
from ray.util.placement_group import placement_group, remove_placement_group

from infra.waiting import describe_waiting

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.ray
def test_waiting_groups_say_for_what_and_how_much_is_free(ray_cluster):
    assert describe_waiting(None) == ""
    first = placement_group([{"CPU": 2}])
    ray.get(first.ready())
    second = placement_group([{"CPU": 0.5}, {"CPU": 0.5}])
    third = placement_group([{"CPU": 2}])
    try:
        assert second.wait(0) is False
        assert describe_waiting(None) == "waiting for 2 x 0.5 CPU, 0 free"
    finally:
        for group in (third, second, first):
            remove_placement_group(group)


@pytest.mark.ray
@pytest.mark.slow
def test_waiting_tasks_and_actors_say_for_what_and_are_silent_in_turns():
    done = subprocess.run(
        [sys.executable, "-m", "tests.infra.waiting_work"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    tasks, task_turns, actors, actor_turns = json.loads(done.stdout.splitlines()[-1])
    assert tasks.endswith(" x 1 CPU, 0 free")
    assert actors == "waiting for 2 x 1 CPU, 0 free"
    assert (task_turns, actor_turns) == ("", "")
