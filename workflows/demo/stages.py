"""All four verbs one after another, timed: on drawn scenes, then on one's own videos."""

import contextlib
import dataclasses
import os
import shutil
import time
from collections.abc import Iterator

from datasets.preparation.preparation import Preparation
from datasets.presets import PRESETS
from datasets.reading.row_groups import read_rows
from datasets.reading.selection import SplitName, select_units
from datasets.sources.listing import list_sources, render_scenes
from infra import cluster, storage
from infra.errors import InputError
from infra.outputs import output_stems
from infra.ray_address import check_cluster
from infra.tracking import Run, describe_page, ending, start_run
from workflows.cli.progress import ProgressLine
from workflows.contract.registry import load_recipe
from workflows.evaluate.record import record_evaluation
from workflows.evaluate.report import Report, describe_report, evaluate_model
from workflows.localize.maps import map_video
from workflows.localize.overlay import write_outputs
from workflows.prepare.summary import log_preparation, summarize_card
from workflows.train.fit import FitResult, Scaling, fit
from workflows.trained.model import Model, loaded

RECIPE = "coincidence"
_NUM_OVERLAYS = 3
_MARK = "made_by_demo"


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        print(f"\n== {name}", flush=True)
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 1)


def demonstrate(*, videos: str | None, name: str, num_videos: int, epochs: int, num_workers: int) -> Report:
    """Run prepare, train, evaluate and localize on drawn scenes, then evaluate and localize on one's own videos; return the first report."""
    run_folder = storage.run_folder(name, field="--name")
    scenes = storage.resolve(f"data/{name}", field="--name")
    film = None if videos is None else storage.resolve(f"data/{name}-videos", field="--name")
    place = None if videos is None else storage.resolve(videos, field="--videos")
    if place is not None:
        _check_videos(place)
    check_cluster()
    _replace(name, *filter(None, (scenes, film, run_folder)))
    progress, clock = ProgressLine(), _Clock()
    with cluster.running():
        with clock.stage("prepare"):
            _prepare(scenes, None, num_videos, progress)
        if film is not None:
            with clock.stage("prepare your videos"), _naming_videos():
                _prepare(film, place, num_videos, progress)
        with clock.stage("train"):
            result = _train(scenes, name, epochs, num_workers, progress)
    progress.close()
    run, shown = Run(result.run_id), None
    with loaded(result.model_folder, recipe=RECIPE) as model:
        report, overlays = _show(model, scenes, "test", run_folder, run, clock)
        if film is not None:
            place = storage.join(run_folder, "videos")
            shown = _show(model, film, "all", place, run, clock, whose=" your videos")
    storage.write_json(storage.join(run_folder, "seconds.json"), clock.seconds)
    print("\n" + describe_report(report))
    if shown is not None:
        print(f"\nyour videos, which it was not trained on\n{describe_report(shown[0])}")
        overlays += shown[1]
    total = sum(clock.seconds.values())
    print("\n" + ", ".join(f"{stage} {s:.0f} s" for stage, s in clock.seconds.items()) + f", together {total:.0f} s")
    for overlay in overlays:
        print(f"overlay  {overlay}")
    print(f"report   {storage.join(run_folder, 'report.json')}\n{describe_page(run)}")
    return report


@contextlib.contextmanager
def _naming_videos() -> Iterator[None]:
    """Have bad input name the demo's own option, not that of prepare."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace("--source:", "--videos:", 1)) from None


def _check_videos(place: str) -> None:
    """Refuse what is no folder of videos, before anything starts.

    Raises:
        InputError: Naming it.
    """
    if not storage.is_remote(place) and not os.path.isdir(place):
        raise InputError(f"--videos: '{place}' is no folder; give a folder of videos")
    with _naming_videos():
        list_sources(place, video_root=None, classes=())


def _show(
    model: Model, dataset: str, split: SplitName, folder: str, run: Run, clock: _Clock, *, whose: str = ""
) -> tuple[Report, list[str]]:
    """Evaluate a model on a split and draw its maps over a few of the videos; return the report and where they lie."""
    with clock.stage(f"evaluate{whose}"):
        report = evaluate_model(model, dataset=dataset, split=split)
        record_evaluation(report, folder, trained_by=run)
    with clock.stage(f"localize{whose}"):
        videos = _some_videos(dataset, split)
        place = storage.join(folder, "overlays")
        overlays = [
            write_outputs(map_video(model, path), path, place, stem=stem)["overlay"]
            for path, stem in zip(videos, output_stems(videos), strict=True)
        ]
    return report, overlays


def _replace(name: str, *folders: str) -> None:
    """Remove what an earlier demo of this name left, and nothing else; leave a mark to know it by."""
    if name != os.path.basename(name) or name in ("", ".", ".."):
        raise InputError(f"--name: '{name}' is no plain name; give one such as demo")
    for folder in folders:
        if os.path.exists(folder) and not os.path.exists(storage.join(folder, _MARK)):
            raise InputError(f"--name: {folder} exists and no demo made it; give another name")
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        storage.write_bytes(storage.join(folder, _MARK), b"")


def _prepare(dataset: str, place: str | None, num_videos: int, progress: ProgressLine) -> None:
    # A handful of videos has to give more than one pair each.
    config = PRESETS["demo"] if place is None else dataclasses.replace(PRESETS["demo"], pairs_per_video=6)
    preparation = Preparation(dataset, config, progress=progress)
    if place is None:
        sources = render_scenes(dataset, num_videos=num_videos, level="medium", config=config, progress=progress)
        missing = []
    else:
        sources, missing = list_sources(place, video_root=None, classes=(), say=print)
    preparation.plan(sources, missing=missing)
    run = start_run("prepare", name=dataset.rsplit("/", 1)[-1], tags={"stage": "prepare"})
    with ending(run):
        card = preparation.run()
        log_preparation(run, dataset, card, source=place or "synthetic", preset="demo")
    progress.close()
    print(summarize_card(dataset, card, preparation.errors), flush=True)


def _train(dataset: str, name: str, epochs: int, num_workers: int, progress: ProgressLine) -> FitResult:
    config = load_recipe(RECIPE).demo()
    # As many pairs a step, and so as many steps, with any number of workers.
    batch_size = max(1, config.loader.batch_size // max(1, num_workers))
    return fit(
        RECIPE,
        dataclasses.replace(
            config,
            cadence=dataclasses.replace(config.cadence, epochs=epochs),
            loader=dataclasses.replace(config.loader, batch_size=batch_size),
        ),
        data=dataset,
        run_name=name,
        scaling=Scaling(num_workers=num_workers),
        progress=progress.training,
    )


def _some_videos(dataset: str, split: SplitName) -> list[str]:
    """Return the first few videos of a split."""
    found: list[str] = []
    for group in select_units(dataset, split, unit="row").groups:
        table = read_rows(group.uri, group.index, group.units, ["source"])
        found += [path for path in table["source"].to_pylist() if path not in found]
    return list(dict.fromkeys(found))[:_NUM_OVERLAYS]
