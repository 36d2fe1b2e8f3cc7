"""A dataset in, a trained and registered model out.

python -m workflows.train multisensory --data DATASET [--preset demo] [--optim.lr 0.003] [--resume RUN]
"""

import functools
from typing import Annotated

import tyro

from datasets.card import warn_of_leaks
from datasets.selection import Selection
from infra import storage
from workflows import command
from workflows.console import ProgressLine
from workflows.driver import Scaling, default_run_name, fit
from workflows.recipe import load_recipe, named_configurations
from workflows.reporting import describe_result


def main() -> None:
    """Parse the command line and train."""
    recipe_name = command.first_argument("multisensory")
    recipe = load_recipe(recipe_name)
    presets = named_configurations(recipe)
    preset_name = command.peek("--preset", "aligned")
    defaults = command.choose(presets, preset_name, option="--preset")()

    def train(
        recipe: Annotated[str, tyro.conf.Positional],
        data: str,
        config: Annotated[recipe.Config, tyro.conf.arg(name="")] = defaults,  # type: ignore[name-defined]
        preset: str = preset_name,
        num_workers: int = 2,
        use_gpu: bool = False,
        resources_per_worker: dict[str, float] | None = None,
        epochs: int | None = None,
        max_minutes: float | None = None,
        keep_checkpoints: int | None = None,
        classes: tuple[str, ...] = (),
        min_loudness: float | None = None,
        min_motion: float | None = None,
        run_name: str | None = None,
        resume: str | None = None,
    ) -> None:
        """Train a recipe on a dataset; Ctrl-C checkpoints and stops.

        Args:
            recipe: Name of a recipe, a file in workflows/recipes.
            data: Dataset that workflows.prepare made.
            config: The recipe's configuration.
            preset: Named configuration that the other options' defaults come from.
            num_workers: Workers, each with its own copy of the network; 0 trains in this process without Ray.
            use_gpu: One GPU a worker.
            resources_per_worker: What a worker reserves, such as CPU 4.
            epochs: Short for --cadence.epochs.
            max_minutes: Short for --cadence.max-minutes.
            keep_checkpoints: Short for --cadence.keep-checkpoints; 0 keeps all.
            classes: Train on these labels only.
            min_loudness: Drop pairs with a window whose sound is quieter than this, in dB of full scale, such as -50.
            min_motion: Drop pairs with a window whose picture moves less, in ranges from black to white a second, such as 0.05.
            run_name: Name of the run and its folder below runs/.
            resume: Name of a run to go on with, with the same options.
        """
        short = {"epochs": epochs, "max_minutes": max_minutes, "keep_checkpoints": keep_checkpoints}
        selection = Selection(classes=classes, min_loudness=min_loudness, min_motion=min_motion)
        progress = ProgressLine()
        dataset = storage.resolve(data, field="--data")
        for warning in warn_of_leaks(dataset):
            print(warning, flush=True)
        result = fit(
            recipe,
            command.with_cadence(config, short),
            dataset=dataset,
            run_name=resume or run_name or default_run_name(recipe),
            scaling=Scaling(num_workers=num_workers, use_gpu=use_gpu, resources_per_worker=resources_per_worker),
            selection=selection,
            resume=resume is not None,
            progress=progress.training,
            tell=functools.partial(print, flush=True),
        )
        progress.close()
        print(describe_result(result))

    command.parse(train)


if __name__ == "__main__":
    command.run(main)
