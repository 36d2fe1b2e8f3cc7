import pytest
import ray.data

from datasets.preparation.scheduling import all_processors


@pytest.mark.ray
def test_what_is_made_of_a_stream_may_take_all_processors_and_others_are_left_alone(ray_cluster):
    stream = all_processors(ray.data.from_items([{"x": 1}]), name="rows")
    assert stream.name == "rows"
    made, other = stream.map(dict).map(dict).context, ray.data.from_items([{"x": 1}]).context
    assert (made.op_resource_reservation_enabled, made.downstream_capacity_backpressure_ratio) == (False, None)
    assert other.op_resource_reservation_enabled
    assert other.downstream_capacity_backpressure_ratio is not None
