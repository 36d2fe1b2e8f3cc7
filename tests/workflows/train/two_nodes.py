"""Trains on two Ray nodes of one machine, one processor each; run by test_two_workers.py in a process of its own.

Each worker reserves a whole processor, so that no node can hold both.
"""

import dataclasses
import sys

import ray
from ray.cluster_utils import Cluster

from workflows.contract.registry import load_recipe
from workflows.train.fit import fit
from workflows.train.job import Scaling


def main(dataset: str, preset: str, epochs: str) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 150 * 2**20})
    cluster.add_node(num_cpus=1, object_store_memory=150 * 2**20)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    config = getattr(load_recipe("multisensory"), preset)()
    result = fit(
        "multisensory",
        dataclasses.replace(config, cadence=dataclasses.replace(config.cadence, epochs=int(epochs))),
        data=dataset,
        run_name="two-nodes",
        scaling=Scaling(num_workers=2, resources_per_worker={"CPU": 1}),
        progress=lambda state: print(state, flush=True),
    )
    nodes = [node for node in ray.nodes() if node["Alive"]]
    print(f"nodes {len(nodes)} finished {result.finished} {result.metrics}")
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
