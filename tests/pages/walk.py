"""A walk through MLflow's pages as a user's: every address that the commands print, and from there to charts, comparison, models, registry."""

import contextlib
import dataclasses
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import mlflow
from mlflow.entities import Experiment, Run

from infra.tracking.run import MODEL_TRAINING
from tests.pages.browser import browsing

_VISIBLE = """(texts => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), nodes = [];
    while (walker.nextNode()) if (walker.currentNode.parentElement.checkVisibility()) nodes.push(walker.currentNode);
    const seen = node => {
        const range = document.createRange();
        range.selectNodeContents(node);
        const place = range.getBoundingClientRect();
        return place.width > 0 && place.top >= 0 && place.bottom <= window.innerHeight;
    };
    return texts.every(text => nodes.some(node => node.parentElement.textContent.includes(text) && seen(node)));
})"""
"""Whether texts stand within the window, without scrolling."""
_CLOSE_ASSISTANT = """(button => {
    if (button) button.click();
    return Boolean(button);
})(document.querySelector('[data-component-id="mlflow.assistant.chat_panel.close"]'))"""
"""Close the panel that MLflow opens at the first visit, as it would hide the right of each picture."""


@dataclasses.dataclass(frozen=True, slots=True)
class Stop:
    """One page of the walk.

    Args:
        name: name of its picture.
        below: its address, below the server's.
        texts: what must stand on it without scrolling.
        condition: what must be true besides, in JavaScript.
    """

    name: str
    below: str
    texts: Sequence[str]
    condition: str = "true"


def stops(client: mlflow.MlflowClient, experiment: Experiment) -> Iterator[Stop]:
    """Give the pages of an experiment with a training, an evaluation and a sweep, in a user's order.

    Args:
        client: of the store that the server shows.
        experiment: the recipe's.
    """
    runs = {stage: _runs(client, experiment, stage) for stage in ("train", "evaluate", "sweep")}
    top = [each for each in runs["train"] if "mlflow.parentRunId" not in each.data.tags]
    sweep = runs["sweep"][0]
    trials = [each for each in runs["train"] if each.data.tags.get("mlflow.parentRunId") == sweep.info.run_id]
    base = f"#/experiments/{experiment.experiment_id}"
    curves = ("(loss/train)", "(loss/validation)", "objective")
    drawn = "document.querySelectorAll('.scatterlayer .js-line').length >= 4"
    yield Stop("experiments", f"#/experiments?{MODEL_TRAINING}", [experiment.name])
    yield Stop("runs", f"{base}/runs?{MODEL_TRAINING}", [str(top[0].info.run_name), str(sweep.info.run_name)])
    yield Stop("run", f"{base}/runs/{top[0].info.run_id}?{MODEL_TRAINING}", ["Finished", "Training of"])
    yield Stop("curves", f"{base}/runs/{top[0].info.run_id}/model-metrics?{MODEL_TRAINING}", curves, drawn)
    yield Stop("evaluation", f"{base}/runs/{runs['evaluate'][0].info.run_id}?{MODEL_TRAINING}", ["Finished"])
    yield Stop("charts", f"{base}/runs?{MODEL_TRAINING}&compareRunsMode=CHART", ("loss", "objective"), drawn)
    yield Stop(
        "compared",
        _compared(experiment, trials),
        ["Parallel Coordinates Plot"],
        "!!document.querySelector('.parcoords')",
    )
    yield Stop("sweep", f"{base}/runs/{sweep.info.run_id}?{MODEL_TRAINING}", ["Finished", "Child runs"])
    figures = f"{base}/runs/{sweep.info.run_id}/artifacts/figures.html?{MODEL_TRAINING}"
    yield Stop("sweep-figures", figures, ["figures.html"], "!!document.querySelector('iframe')")
    yield Stop("models", f"{base}/models?{MODEL_TRAINING}", [experiment.name, "Ready"])
    yield Stop("registry", f"#/models?{MODEL_TRAINING}", [experiment.name])
    yield Stop("versions", f"#/models/{experiment.name}?{MODEL_TRAINING}", ["Version 1"])
    yield Stop("version", f"#/models/{experiment.name}/versions/1?{MODEL_TRAINING}", [experiment.name])


def _runs(client: mlflow.MlflowClient, experiment: Experiment, stage: str) -> list[Run]:
    return list(client.search_runs([experiment.experiment_id], f"tags.stage = '{stage}'"))


def _compared(experiment: Experiment, trials: Sequence[Run]) -> str:
    runs = json.dumps([each.info.run_id for each in trials])
    return f"#/compare-runs?runs={runs}&experiments={json.dumps([experiment.experiment_id])}&{MODEL_TRAINING}"


async def walk(server: str, found: Sequence[Stop], folder: Path) -> None:
    """Open pages with a browser that was never used, check them, and write a picture of each.

    Args:
        server: address of MLflow's pages.
        found: the pages.
        folder: where the pictures go.

    Raises:
        AssertionError: If a page does not show what it must.
    """
    async with contextlib.AsyncExitStack() as stack:
        profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        page = await stack.enter_async_context(browsing(Path(profile)))
        await page.open(f"{server}/{found[0].below}")
        await page.until(_CLOSE_ASSISTANT)
        for stop in found:
            await page.open(f"{server}/{stop.below}")
            try:
                await page.until(f"{_VISIBLE}({json.dumps(list(stop.texts))}) && ({stop.condition})")
            finally:
                await page.picture(folder / f"{stop.name}.png")
