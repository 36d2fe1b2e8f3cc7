"""A sweep on two Ray nodes of one machine, one processor each; run by test_two_nodes.py in a process of its own.

A trial without workers takes a whole processor: two at a time lie on two nodes.
"""

import json
import sys

import ray
from ray.cluster_utils import Cluster

from infra import storage
from tune.plan import SweepPlan, plan_sweep
from tune.run import carry_out


def main(dataset: str) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 150 * 2**20})
    cluster.add_node(num_cpus=1, object_store_memory=150 * 2**20)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    plan = SweepPlan(
        name="two-nodes",
        recipe="multisensory",
        data={"clips": dataset},
        preset="tiny",
        num_trials=2,
        search="random",
        scheduler="none",
        epochs=2,
        trial_seconds=None,
        workers_per_trial=0,
        gpus_per_trial=0,
        seed=0,
    )
    plan = plan_sweep(plan, space_file=None)
    carry_out(plan, max_concurrent=2)
    records = [storage.read_json(uri) for uri in storage.list_files(plan.folder, suffix="/trial.json")]
    print(json.dumps([[record["status"], record["node"]] for record in records]))
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
