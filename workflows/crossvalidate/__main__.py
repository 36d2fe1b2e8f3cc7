"""Cross-validate a recipe over folds of recordings: every clip is judged by a model that has not seen its recording.

python -m workflows.crossvalidate multisensory --data DATASET --run-name folds --preset demo
python -m workflows.crossvalidate audio_tagging --data DATASET --run-name ten-folds --num-folds 10 --epochs 3
"""

import contextlib
from typing import Annotated

import tyro

from infra.outputs import RUN_MARK, refuse_foreign
from workflows.cli import command
from workflows.cli.recipe import ask_recipe
from workflows.contract.registry import named_configurations
from workflows.contract.streams import parse_data
from workflows.train.job import Scaling


def main() -> None:
    """Parse the command line and cross-validate."""
    module, preset_name, defaults = ask_recipe()
    presets = command.choices(named_configurations(module))

    def crossvalidate(
        recipe: Annotated[str, tyro.conf.Positional],
        data: tyro.conf.UseAppendAction[tuple[str, ...]],
        run_name: str,
        config: Annotated[module.Config, tyro.conf.arg(name="")] = defaults,  # type: ignore[name-defined]
        preset: Annotated[str, tyro.conf.arg(metavar=presets)] = preset_name,
        num_folds: int = 5,
        scaling: tyro.conf.OmitArgPrefixes[Scaling] = Scaling(num_workers=0),
        epochs: int | None = None,
    ) -> None:
        """Train one model a fold and report all of them together; the same command goes on with what is missing.

        Args:
            recipe: Name of a recipe, a file in workflows/recipes.
            data: Dataset that workflows.prepare made; NAME=DATASET for each stream where the recipe reads several. Folds are of the first.
            run_name: Name of the run and its folder below runs/.
            config: The recipe's configuration.
            preset: Named configuration that the other options' defaults come from.
            num_folds: Parts that the recordings are dealt into.
            scaling: How many workers train, and with what.
            epochs: Short for --cadence.epochs.
        """
        from infra import cluster, storage
        from workflows.crossvalidate.folds import crossvalidate as validate_folds
        from workflows.evaluate.report import describe_report
        from workflows.trained.card import REPORT

        folder = storage.run_folder(run_name, field="--run-name")
        refuse_foreign(folder, RUN_MARK, option="--run-name")
        with cluster.running() if scaling.num_workers else contextlib.nullcontext():
            report = validate_folds(
                recipe,
                command.with_cadence(config, epochs=epochs),
                data=parse_data(data, module.streams(config)),
                run_name=run_name,
                num_folds=num_folds,
                scaling=scaling,
            )
        print(describe_report(report))
        print(f"report   {storage.join(folder, REPORT)}")

    command.parse(crossvalidate)


if __name__ == "__main__":
    command.run(main)
