"""Train a recipe on a dataset; the best epoch becomes a version of the registered model.

python -m workflows.train multisensory --data DATASET --preset demo --run-name first
python -m workflows.train multisensory --data DATASET --optim.lr 0.003 --num-workers 4 --use-gpu
python -m workflows.train --resume first
"""

import functools
import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from datasets.reading.selection import Selection
from infra import storage
from infra.errors import InputError
from infra.outputs import RUN_MARK, refuse_foreign
from workflows.cli import command
from workflows.cli.progress import ProgressLine
from workflows.cli.recipe import ask_recipe
from workflows.cli.run_name import RunName, default_run_name
from workflows.contract.registry import load_recipe, named_configurations
from workflows.contract.streams import parse_data
from workflows.train.job import Scaling

if TYPE_CHECKING:
    from workflows.train.resume import Begun


def main() -> None:
    """Parse the command line and train."""
    begun = _begun()
    module, preset_name, defaults = ask_recipe(begun and begun.recipe)
    if begun is not None and not command.peek("--preset", ""):
        defaults = begun.config
    presets = command.choices(named_configurations(module))

    def train(
        recipe: Annotated[str, tyro.conf.Positional],
        data: tyro.conf.UseAppendAction[tuple[str, ...]] = tyro.MISSING if begun is None else (),
        config: Annotated[module.Config, tyro.conf.arg(name="")] = defaults,  # type: ignore[name-defined]
        preset: Annotated[str, tyro.conf.arg(metavar=presets)] = preset_name,
        scaling: tyro.conf.OmitArgPrefixes[Scaling] = begun.scaling if begun else Scaling(),
        selection: tyro.conf.OmitArgPrefixes[Selection] = begun.selection if begun else Selection(),
        epochs: int | None = None,
        max_minutes: float | None = None,
        keep_checkpoints: int | None = None,
        run_name: RunName = None,
        resume: RunName = None,
        start: Annotated[str | None, tyro.conf.arg(name="from")] = None,
        register: tyro.conf.FlagCreatePairsOff[bool] = False,
        no_register: tyro.conf.FlagCreatePairsOff[bool] = False,
    ) -> None:
        """Train a recipe on a dataset; Ctrl-C checkpoints and stops.

        Args:
            recipe: Name of a recipe, a file in workflows/recipes.
            data: Dataset that workflows.prepare made; NAME=DATASET for each stream where the recipe reads several.
            config: The recipe's configuration.
            preset: Named configuration that the other options' defaults come from.
            scaling: How many workers train, and with what.
            selection: Which clips are trained on.
            epochs: Short for --cadence.epochs.
            max_minutes: Short for --cadence.max-minutes.
            keep_checkpoints: Short for --cadence.keep-checkpoints; 0 keeps all.
            run_name: Name of the run and its folder below runs/.
            resume: Name of a run to go on with; recipe, data and options are those that it began with.
            start: Model whose weights to start from: models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID, or a folder.
            register: Also register a run that was stopped before its end.
            no_register: Register nothing.
        """
        _train(
            recipe,
            command.with_cadence(config, epochs=epochs, max_minutes=max_minutes, keep_checkpoints=keep_checkpoints),
            data=begun.data if begun and not data else parse_data(data, module.streams(config)),
            run_name=_name(
                resume or run_name or default_run_name(recipe), option="--resume" if resume else "--run-name"
            ),
            scaling=scaling,
            selection=selection,
            resume=resume is not None,
            start=start,
            registration=_registration(register=register, no_register=no_register),
        )

    command.parse(train, _with_recipe(begun))


def _train(recipe: str, config: Any, *, run_name: str, **options: Any) -> None:
    """Train, showing how far it is, and say what came out."""
    from workflows.train.fit import fit
    from workflows.train.summary import describe_result

    say, progress = functools.partial(print, flush=True), ProgressLine()
    result = fit(recipe, config, run_name=run_name, progress=progress.training, tell=say, **options)
    progress.close()
    objective = load_recipe(recipe).objective(config).title
    resume = f"python -m workflows.train --resume {shlex.quote(run_name)}"
    say(describe_result(result, objective=objective, resume=resume))


def _begun() -> "Begun | None":
    """Return what the run that is to go on began with."""
    name = command.peek("--resume", "")
    if not name:
        return None
    from workflows.train.resume import read_options

    return read_options(name)


def _with_recipe(begun: "Begun | None") -> list[str]:
    """Return the words of the command line, with the recipe that the run began with where they name none."""
    words = sys.argv[1:]
    return [begun.recipe, *words] if begun and words[0].startswith("-") else words


def _registration(*, register: bool, no_register: bool) -> Literal["finished", "always", "never"]:
    if register and no_register:
        raise InputError("--register: given together with --no-register; give one of them")
    return "always" if register else "never" if no_register else "finished"


def _name(name: str, *, option: str) -> str:
    """Return a run's name; one that is none of a folder, or whose folder holds other files than a run's, is refused."""
    refuse_foreign(storage.run_folder(name, field=option), RUN_MARK, option=option)
    return name


if __name__ == "__main__":
    command.run(main)
