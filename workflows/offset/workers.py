"""Files examined on workers of Ray Data, each with a model of its own; what is done comes back as it is done."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import ray.data
import torch

from infra import cluster
from workflows.offset.examine import File, Row, Wanted, examine
from workflows.offset.reading import reading_for


class _Examiner:
    """Has the model of a worker, and examines the files that come."""

    def __init__(self, wanted: Wanted) -> None:
        torch.set_num_threads(1)
        self._wanted = wanted
        self._open = contextlib.ExitStack()
        self._reading, self._method = self._open.enter_context(reading_for(wanted.model))

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        file = File(path=row["path"], stem=row["stem"])
        return {"row": json.dumps(examine(file, self._reading, method=self._method, wanted=self._wanted))}


def examine_on_workers(files: Sequence[File], wanted: Wanted, num_workers: int) -> Iterator[Row]:
    """Yield what is said of the files, in the order in which they are done."""
    with cluster.running(num_cpus=max(2, num_workers)):
        items = [{"path": file.path, "stem": file.stem} for file in files]
        stream = ray.data.from_items(items, override_num_blocks=len(items)).map(
            _Examiner,
            fn_constructor_args=(wanted,),
            compute=ray.data.ActorPoolStrategy(size=min(num_workers, len(items))),
            num_cpus=1,
        )
        for row in stream.iter_rows():
            yield json.loads(row["row"])
