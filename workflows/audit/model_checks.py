"""Audit of a trained model on held-out clips: all checks, their overall verdict, and the files that it is written to."""

from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch

from datasets.card import read_card
from datasets.config import PreparationConfig
from infra import storage
from infra.errors import InputError
from infra.tracking import Run
from workflows.audit.checks.responses import respond
from workflows.audit.checks.trained_model import check_model, response_curves
from workflows.audit.page import audit_page, encoded, plain, worst
from workflows.trained.clips import fit_to_clips
from workflows.trained.model import Model

MODEL_AUDIT = ("audit.json", "audit.html")


def audit_model(model: Model, dataset: str, *, max_rows: int) -> dict[str, Any]:
    """Return the audit of a model on a dataset's test split: its verdict, every check, and its answers to late sound.

    Raises:
        InputError: If the clips are not those the model reads, or there are fewer than two held-out recordings.
    """
    card = read_card(dataset)
    config = PreparationConfig.from_dict(card["config"])
    fitted = fit_to_clips(model, config, given=f"--data: '{dataset}'")
    with torch.inference_mode():
        found = respond(fitted, dataset, config, max_rows=max_rows)
    if found is None:
        raise InputError(f"--data: '{dataset}' holds out fewer than two recordings; prepare more videos")
    checks = check_model(found)
    return {
        "verdict": worst([check.verdict for check in checks if check.value == check.value]),
        "dataset": dataset,
        "dataset_fingerprint": card["fingerprint"],
        "run_id": model.run_id,
        "num_windows": len(found.recordings),
        "num_examples": len(found.logits),
        "checks": [plain(check) for check in checks],
        "curves": response_curves(found),
    }


def write_model_audit(audit: dict[str, Any], folder: str, run: Run | None) -> str:
    """Write `audit.json` and `audit.html` to a folder, and to the model's run; return the page's path."""
    values, page = (storage.join(folder, name) for name in MODEL_AUDIT)
    intro = (
        f"{audit['num_windows']} held-out windows, {audit['num_examples']} examples of {audit['dataset']}. Every value is 0 for a network "
        "that uses both sound and picture, except the accuracy above one modality; each check names its limit."
    )
    figures = f'<p><img alt="late sound" src="data:image/png;base64,{_draw_curves(audit["curves"])}"></p>'
    storage.write_json(values, audit)
    storage.write_bytes(page, audit_page(audit, heading="Audit of a model", intro=intro, figures=figures).encode())
    if run is not None:
        run.log_dict(audit, "audit/audit.json")
        with storage.local_copy(page) as path:
            run.log_artifact(path, "audit")
        run.set_tags({"audit_verdict": audit["verdict"]})
        numbers = {check["name"].replace("model: ", "audit/"): check["value"] for check in audit["checks"]}
        run.log_metrics({name: value for name, value in numbers.items() if value is not None})
        run.flush()
    return page


def _draw_curves(curves: dict[str, Any]) -> str:
    figure, (late, shifts) = plt.subplots(1, 2, figsize=(9, 2.8), sharey=True, layout="constrained")
    late.plot(curves["delay_ms"], curves["called_out_of_step"], "o-", color="tab:blue")
    late.set(xlabel="delay of the sound, ms", ylabel="share", title="called out of sync", ylim=(0, 1.02))
    names = [f"{part['seconds'][0]:.2f}-{part['seconds'][1]:.2f}" for part in curves["by_shift"]]
    shifts.bar(names, [part["accuracy"] for part in curves["by_shift"]], color="tab:blue")
    shifts.axhline(0.5, color="0.4", linestyle="--", linewidth=0.8)
    shifts.set(xlabel="shift in the dataset, s", title="right about out-of-sync examples")
    return encoded(figure)
