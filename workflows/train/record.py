"""What a training run puts on record in MLflow: configuration, datasets, code, and links to the runs it comes from."""

import dataclasses
import os

from datasets.reading.profile import dataset_input
from datasets.reading.screening import count_screened
from infra.tracking import Run, find_runs
from infra.version import code_version
from workflows.train.job import Job, Scaling

_MOST_LINKS = 20


def record_run(run: Run, job: Job, scaling: Scaling, *, parent: str | None, resume: bool) -> None:
    """Log what goes into a run: configuration, options, datasets, code.

    Args:
        run: the run.
        job: what it trains.
        scaling: how many workers train.
        parent: run of the sweep that it belongs to.
        resume: whether it goes on, so that its configuration is logged already.
    """
    if not resume:
        options = {"scaling": scaling, "selection": job.selection}
        run.log_params(dataclasses.asdict(job.config) | {n: dataclasses.asdict(v) for n, v in options.items()})
    for number, (name, part) in enumerate(job.streams.items()):
        prefix = "" if number == 0 else f"{name}/"
        if not resume:
            run.log_params({prefix + key: value for key, value in count_screened(part.screened, part.unit).items()})
        for split, context in (("train", "training"), ("validation", "validation"))[: None if number == 0 else 1]:
            run.log_dataset(context=context, **dataset_input(part.dataset, part.card, split))
        run.log_dict(part.card, f"{prefix}dataset.json")
    version = code_version()
    tags = {
        "code_hash": version["hash"],
        "commit": version["commit"],
        "recipe": job.recipe,
        "run_folder": job.run_folder,
        "dataset_fingerprint": job.main.card["fingerprint"],
    }
    run.set_tags(tags)
    if not resume:
        _link_run(run, job, parent)


def _link_run(run: Run, job: Job, parent: str | None) -> None:
    """Have the descriptions of the run, of its sweep's and of the preparation of its datasets link to each other."""
    made = {
        name: find_runs(stage="prepare", dataset_fingerprint=part.card["fingerprint"])
        for name, part in job.streams.items()
    }
    shown = [
        f"[{os.path.basename(part.dataset)}]({made[name][0].address})" if made[name] else f"`{part.dataset}`"
        for name, part in job.streams.items()
    ]
    text = f"Training of {job.recipe} on {', '.join(shown)}"
    run.describe(f"{text}, a trial of {Run(parent).link}" if parent else text)
    if parent is None:
        for each in (found[0] for found in made.values() if found):
            own = (each.tag("mlflow.note.content") or "").partition("\n\nTrained on it: ")
            links = ", ".join(filter(None, [run.link, *own[2].split(", ")][:_MOST_LINKS]))
            each.describe(f"{own[0]}\n\nTrained on it: {links}")
