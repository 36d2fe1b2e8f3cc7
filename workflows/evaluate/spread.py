"""Work with a model spread over a cluster by Ray Data: each worker loads the model once, and takes one part after another.

Of held-out clips each worker takes every so many-th batch: batches hold the clips that they hold in one process.
"""

import contextlib
import dataclasses
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import ray.data

from datasets.preparation.scheduling import all_processors
from infra import cluster, storage
from infra.errors import InputError
from infra.tracking import model_folder
from workflows.contract.figure import Rows
from workflows.contract.held_out import HeldOut
from workflows.evaluate.report import collect_rows
from workflows.trained.checkpoint import MODEL_FILES
from workflows.trained.model import Model, loaded

Work = Callable[[Model, Any], Any]
"""What a worker does: takes the model and a part."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Workers that have a model each.

    Args:
        model: URI of the model.
        num_workers: workers, of one processor each.
        use_gpu: whether each has a GPU.
    """

    model: str
    num_workers: int
    use_gpu: bool = False

    def collect(self, model: Model, evaluator: str, data: HeldOut) -> Rows:
        """Return what the model answers an evaluator, in the order of the units."""
        parts = [(evaluator, part) for part in self.shares(data)]
        rows = list(self.map(_collect, parts, name=f"evaluating {evaluator}"))
        joined = {name: np.concatenate([part[name] for part in rows]) for name in rows[0]}
        order = np.argsort(joined["unit"], kind="stable")
        return {name: values[order] for name, values in joined.items()}

    def shares(self, data: HeldOut) -> list[HeldOut]:
        """Return what each worker reads of held-out clips; batches hold the clips that they hold in one process."""
        count = min(self.num_workers, -(-data.num_units // data.batch_size))
        return [dataclasses.replace(data, share=(rank, count), consecutive=data.batch_size) for rank in range(count)]

    def map(self, work: Work, parts: Sequence[Any], *, name: str) -> Iterator[Any]:
        """Yield what the work gives for each part, in their order; needs a running cluster."""
        rows = [{"number": number, "part": pickle.dumps(part)} for number, part in enumerate(parts)]
        made = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            _Worker,  # type: ignore[arg-type]
            fn_constructor_args=(self._files(), work),
            # One part at a time: by default the worker that starts first takes several before the others are there.
            compute=ray.data.ActorPoolStrategy(size=min(self.num_workers, len(rows)), max_tasks_in_flight_per_actor=1),
            num_cpus=1,
            num_gpus=1 if self.use_gpu else None,
        )
        stream, waiting, due = all_processors(made, name=name), {}, 0
        for row in stream.iter_rows():
            waiting[row["number"]] = row["found"]
            while due in waiting:
                yield pickle.loads(waiting.pop(due))
                due += 1

    def _files(self) -> dict[str, bytes]:
        """Return the model's files, as nodes may share no folder with this one."""
        with model_folder(self.model) as (folder, _):
            return {name: storage.read_bytes(storage.join(folder, name)) for name in MODEL_FILES}


@contextlib.contextmanager
def spread_over(model: str, num_workers: int, *, use_gpu: bool) -> Iterator[Spread | None]:
    """Have workers on a cluster for as long as the block runs; none where none are asked for.

    Raises:
        InputError: If there cannot be so many.
    """
    if num_workers < 0:
        raise InputError(f"--num-workers: {num_workers} is below 0; give 0 to work in this process, or more")
    if use_gpu and not num_workers:
        raise InputError("--use-gpu: True needs workers; add --num-workers 1 or more")
    if not num_workers:
        yield None
        return
    with cluster.running():
        yield Spread(model=model, num_workers=num_workers, use_gpu=use_gpu)


class _Worker:
    def __init__(self, files: dict[str, bytes], work: Work) -> None:
        self._work = work
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                Path(folder, name).write_bytes(content)
            with loaded(folder) as model:
                self._model = model

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        found = self._work(self._model, pickle.loads(row["part"]))
        return {"number": row["number"], "found": pickle.dumps(found)}


def _collect(model: Model, part: tuple[str, HeldOut]) -> Rows:
    evaluator, data = part
    return collect_rows(model, evaluator, data)
