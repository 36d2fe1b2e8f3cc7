import pytest
import ray.data

from datasets.scheduling import all_processors


@pytest.mark.ray
def test_what_is_made_of_a_stream_may_take_all_processors_and_others_are_left_alone(ray_cluster):
    stream = all_processors(ray.data.from_items([{"x": 1}]))
    assert stream.map(dict).map(dict).context.op_resource_reservation_enabled is False
    assert ray.data.from_items([{"x": 1}]).context.op_resource_reservation_enabled is True
