"""Promote a better model to champion, if its objective is higher on the same clips beyond the interval over recordings.

python -m workflows.promote --candidate models:/multisensory/2 --data DATASET
python -m workflows.promote --candidate models:/multisensory/2 --data DATASET --split validation
"""

import dataclasses
from typing import Literal

from infra import storage
from infra.errors import InputError
from workflows.cli import command
from workflows.contract.registry import load_recipe


def promote(
    candidate: str,
    data: str,
    model: str | None = None,
    split: Literal["validation", "test"] = "test",
) -> None:
    """Compare a candidate with the champion, recording by recording, and move the alias if it is better beyond the interval.

    Args:
        candidate: runs:/ID, models:/NAME/VERSION, or the id of a run.
        data: Dataset that workflows.prepare made; both models are asked about the same clips of it.
        model: Name of the registered model; the candidate's recipe if not given.
        split: Which clips.
    """
    from infra.tracking import CHAMPION, champion, crown, find_run, find_version
    from workflows.promote.comparison import compare
    from workflows.train.register import register
    from workflows.trained.model import loaded

    dataset = storage.resolve(data, field="--data")
    uri = candidate if "/" in candidate else f"runs:/{candidate}"
    if model is not None:
        champion(model)
    with loaded(uri, recipe=model) as second:
        model = second.recipe
        present = champion(model)
        run = find_run(second.run_id)
        if run is None:
            raise InputError(f"--candidate: '{candidate}' is of no run that is known here; give the id of one")
        trained_on = next(iter(second.description["data"].values()))["uri"]
        version = find_version(run, name=model) or register(
            run, recipe=model, folder=f"{run.tag('run_folder')}/model", dataset=trained_on
        )
        if version == present:
            print(f"version {version} is the champion already")
            return
        with loaded(f"models:/{model}/{present}", recipe=model) as first:
            found = compare(first, second, dataset=dataset, split=split)
    objective = load_recipe(model).objective(second.config)
    run.log_dict(dataclasses.asdict(found), f"promotion/against_version_{present}.json")
    run.flush()
    low, high = found.interval
    print(f"objective  {objective.title}")
    print(f"champion   version {present}  {found.champion:.3f}")
    print(f"candidate  version {version}  {found.candidate:.3f}")
    print(f"difference {found.difference:+.3f} [{low:+.3f}, {high:+.3f}] over {found.num_recordings} recordings")
    if found.better:
        crown(model, version)
        print(f"promoted   models:/{model}@{CHAMPION} is version {version} now")
    else:
        print(
            "kept       the interval of the difference does not lie above zero, or there are too few recordings: the champion stays"
        )


def main() -> None:
    """Parse the command line and compare."""
    command.parse(promote)


if __name__ == "__main__":
    command.run(main)
