"""What logging and live output cost a training: processor time a second of training, that of the sending thread and of the driver included."""

import time
from collections.abc import Iterator

from infra import storage
from infra.tracking import ending, start_run
from tests.benchmarks.measure import Row, Setting, spread
from workflows.cli.progress import ProgressLine
from workflows.recipes import multisensory
from workflows.train.curves import SECONDS_BETWEEN_POINTS, Curves
from workflows.train.progress import PROGRESS, SECONDS_BETWEEN_SIGNS, ProgressFile

NAMES = ("tracking_share",)
_SECONDS_BETWEEN_LOOKS = 0.5
"""Between two looks of the driver at the progress file."""


def measure(setting: Setting) -> Iterator[Row]:
    """Yield the share of a training's time."""
    count = setting.choose(quick=50, full=200)
    metrics = {"loss": 0.5, "sync_accuracy": 0.75, "learning_rate": 1e-3, "gradient_norm": 1.0}
    with ending(start_run("bench", name="tracking")) as run:
        objective = multisensory.objective(multisensory.demo())
        curves = Curves(run.run_id, uri=run.uri, objective=objective, clips_per_step=96)
        run.wait_until_sent()

        def log_point(step: int) -> None:
            curves.add(metrics, steps=10, seconds=5.0, waited=0.1)
            curves.log_point(step, epochs=step / count)
            run.wait_until_sent()  # each alone, as seconds lie between two

        place = storage.join(str(setting.folder), PROGRESS)
        file = ProgressFile(
            str(setting.folder),
            steps_per_epoch=1,  # each step ends an epoch and is written
            epochs=count,
            first_step=0,
            clips_per_step=96,
            objective=objective.title,
        )
        line = ProgressLine()

        def show(step: int) -> None:
            file.show(step, 1, {"steps": 1.0, **metrics}, learning_rate=1e-3)

        def look(step: int) -> None:
            line.training(storage.read_json(place))

        points, signs, looks = (
            [_processor_seconds(do, step) for step in range(count)] for do in (log_point, show, look)
        )
        line.close()
    shares = [
        point / SECONDS_BETWEEN_POINTS + sign / SECONDS_BETWEEN_SIGNS + glance / _SECONDS_BETWEEN_LOOKS
        for point, sign, glance in zip(points, signs, looks, strict=True)
    ]
    yield spread(
        NAMES[0],
        shares,
        target="<= 0.01",
        detail=f"processor seconds a second of training: a point of six curves each {SECONDS_BETWEEN_POINTS:g} s to an SQLite store, a "
        f"progress file each {SECONDS_BETWEEN_SIGNS:g} s, a look at it each {_SECONDS_BETWEEN_LOOKS:g} s; {count} of each",
    )


def _processor_seconds(do, step: int) -> float:
    began = time.process_time()
    do(step)
    return time.process_time() - began
