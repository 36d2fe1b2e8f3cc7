"""Evaluates and localizes in one process and spread over two nodes of one processor each; run by test_spread.py."""

import asyncio
import json
import sys
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from workflows.evaluate.report import evaluate_model
from workflows.evaluate.spread import Spread
from workflows.localize.videos import localize_videos
from workflows.trained.model import Model, loaded


@ray.remote(num_cpus=0)
class Meeting:
    """Where two workers wait for each other."""

    def __init__(self):
        self.both_are_here, self.count = asyncio.Event(), 0

    async def arrive(self):
        self.count += 1
        if self.count == 2:
            self.both_are_here.set()
        await self.both_are_here.wait()


def node_of(model: Model, part: int) -> str:
    """Return the node of a worker, once there are two."""
    ray.get(ray.get_actor("meeting").arrive.remote())
    return ray.get_runtime_context().get_node_id()


def main(uri: str, dataset: str, home: str) -> None:
    """Print what both ways found."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 150 * 2**20})
    cluster.add_node(num_cpus=1, object_store_memory=150 * 2**20)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    spread = Spread(model=uri, num_workers=2)
    meeting = Meeting.options(name="meeting").remote()
    videos = [str(path) for path in sorted(Path(dataset, "videos").glob("*.mp4"))[:3]]
    given = {"kind": "signed", "threshold": 0.5, "windows": {}, "say": lambda line: None}
    paths = [*videos, str(Path(dataset, "broken.mp4"))]
    with loaded(uri) as model:
        reports = {
            name: evaluate_model(model, dataset=dataset, split="all", collect=collect).to_dict()
            for name, collect in (("alone", None), ("spread", spread.collect))
        }
    failed_alone = localize_videos(uri, paths, f"{home}/alone", **given)
    failed = localize_videos(uri, paths, f"{home}/spread", **given, spread=spread)
    found = {
        "num_nodes": len(set(spread.map(node_of, [0, 1], name="nodes"))),
        **{name: json.dumps(report["figures"]) for name, report in reports.items()},
        "maps": [f"{Path(path).stem}.npz" for path in videos],
        "failed": failed,
        "failed_alone": failed_alone,
    }
    print(json.dumps(found))
    del meeting
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
