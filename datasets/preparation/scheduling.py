"""How Ray Data spreads tasks over processors where their results are small."""

import ray.data


def all_processors(stream: ray.data.Dataset) -> ray.data.Dataset:
    """Return a stream whose tasks may take every processor at once.

    By default Ray Data reserves resources for each operator, as if results were large: with two processors its tasks begin one
    after another, and two of them take three quarters of the time of one. Without reservations it knows no budget, and would hold
    back tasks while a result waits to be taken. Here results are rows of a few words.
    """
    stream.context.op_resource_reservation_enabled = False
    stream.context.downstream_capacity_backpressure_ratio = None
    return stream
