"""Files examined by tasks of Ray Data; what is done comes back as it is done."""

import contextlib
import functools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import ray.data

from datasets.preparation.scheduling import all_processors
from infra import cluster
from workflows.offset.curves import Reading
from workflows.offset.examine import File, Row, Wanted, examine
from workflows.offset.reading import reading_for


def examine_on_workers(files: Sequence[File], wanted: Wanted, num_workers: int) -> Iterator[Row]:
    """Yield what is said of the files, in the order in which they are done."""
    with cluster.running(num_cpus=max(2, num_workers)):
        items = [{"path": file.path, "stem": file.stem} for file in files]
        made = ray.data.from_items(items, override_num_blocks=len(items)).map(
            functools.partial(_examine, wanted=wanted), num_cpus=1, concurrency=num_workers
        )
        for row in all_processors(made, name="offsets").iter_rows():
            yield json.loads(row["row"])


def _examine(row: dict[str, Any], *, wanted: Wanted) -> dict[str, Any]:
    reading, method = _reading(wanted.model)
    file = File(path=row["path"], stem=row["stem"])
    return {"row": json.dumps(examine(file, reading, method=method, wanted=wanted))}


@functools.cache
def _reading(model: str | None) -> tuple[Reading, str]:
    """Return how a worker reads files; its model is loaded once."""
    import torch

    torch.set_num_threads(1)
    return contextlib.ExitStack().enter_context(reading_for(model))
