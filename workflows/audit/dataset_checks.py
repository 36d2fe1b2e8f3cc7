"""Audit of a dataset: all checks, their overall verdict, and the files that it is written to."""

from collections.abc import Callable
from typing import Any

from datasets.card import read_card, write_verdict
from datasets.config import PreparationConfig
from infra import storage
from infra.errors import InputError
from infra.progress import Progress, silent
from infra.tracking import Run
from workflows.audit.checks.check import LEVEL, POWER, Check
from workflows.audit.checks.decode_delay import check_decode_delay
from workflows.audit.checks.duplicates import check_duplicates
from workflows.audit.checks.null_data import check_null_data
from workflows.audit.checks.positions import check_clocks, check_marginals
from workflows.audit.checks.single_modality import check_probes, check_sound_statistics
from workflows.audit.checks.windows import Examples, Windows, lacking_for_sync, make_examples, read_windows
from workflows.audit.page import audit_page, plain, worst

_FEWEST_ROWS = 1
_FEWEST_NULL_SCENES = 10
_OF_SYNC = (
    "start marginals",
    "sound statistics",
    "audio only",
    "video only",
    "position from sound",
    "position from picture",
    "clock matching",
    "decode delay",
    "null data",
)
"""Checks that only rows of picture and sound can be asked."""


def refuse_bad_input(dataset: str, *, max_rows: int, null_scenes: int) -> None:
    """Refuse options and datasets that cannot be audited.

    Raises:
        InputError: If too little is asked for, or there is no dataset with clips.
    """
    options = (("--max-rows", max_rows, _FEWEST_ROWS), ("--null-scenes", null_scenes, _FEWEST_NULL_SCENES))
    for option, value, fewest in options:
        if value < fewest:
            raise InputError(f"{option}: {value} is too few; give {fewest} or more")
    read_card(dataset)
    if not storage.list_files(storage.join(dataset, "clips"), suffix=".parquet"):
        raise InputError(
            f"--data: '{dataset}' holds no clips; its errors.parquet says why, prepare it again with other videos"
        )


def audit_dataset(dataset: str, *, max_rows: int, null_scenes: int, progress: Progress = silent) -> dict[str, Any]:
    """Return the audit of a dataset: its verdict and every check."""
    config = PreparationConfig.from_dict(read_card(dataset)["config"])
    windows = examples = None
    stages: list[Callable[[], list[Check]]] = [lambda: [check_duplicates(dataset)]]
    lacking = lacking_for_sync(config)
    if not lacking:
        windows = read_windows(dataset, config, max_rows=max_rows)
        examples = make_examples(windows)
        stages += _sync_checks(dataset, config, windows, examples, null_scenes)
    checks: list[Check] = []
    for done, stage in enumerate(stages, start=1):
        checks += stage()
        progress("checks", done, len(stages))
    return {
        "verdict": worst([check.verdict for check in checks]),
        "label_mode": config.label_mode,
        "num_windows": 0 if windows is None else len(windows.starts),
        "num_examples": 0 if examples is None else len(examples.target),
        "level": LEVEL,
        "power": POWER,
        "checks": [plain(check) for check in checks],
        "not_asked": dict.fromkeys(_OF_SYNC, lacking) if lacking else {},
    }


def _sync_checks(
    dataset: str, config: PreparationConfig, windows: Windows, examples: Examples, null_scenes: int
) -> list[Callable[[], list[Check]]]:
    """Return the checks of whether sync can be told without seeing and hearing, each to be called."""
    return [
        lambda: [check_marginals(windows, examples)],
        lambda: [check_sound_statistics(windows, examples)],
        lambda: check_probes(windows, examples),
        lambda: check_clocks(windows),
        lambda: [check_decode_delay(dataset, config)],
        lambda: [check_null_data(config, num_scenes=null_scenes)],
    ]


def write_audit(audit: dict[str, Any], dataset: str, run: Run) -> str:
    """Write `audit.json` and `audit.html` beside the data, the verdict into its card, all to the run; return the page's path."""
    page = storage.join(dataset, "audit.html")
    storage.write_json(storage.join(dataset, "audit.json"), audit)
    storage.write_bytes(page, audit_page(audit, heading="Audit", intro=_intro(audit, dataset)).encode())
    card = write_verdict(dataset, audit["verdict"])
    run.log_dict(audit, "audit.json")
    with storage.local_copy(page) as path:
        run.log_artifact(path)
    run.log_dataset(dataset, name=dataset.rsplit("/", 1)[-1], digest=card["fingerprint"], context="audited")
    run.set_tags({"verdict": audit["verdict"]})
    numbers = {check["name"].replace(" ", "_"): check["value"] for check in audit["checks"]}
    run.log_metrics({name: value for name, value in numbers.items() if value is not None})
    return page


def _intro(audit: dict[str, Any], dataset: str) -> str:
    return "".join(f"{name} is not asked: {reason}. " for name, reason in audit["not_asked"].items()) + (
        f"{dataset}: {audit['num_windows']} windows, {audit['num_examples']} examples, labels by {audit['label_mode']}. "
        f"Each check raises a false alarm with probability {audit['level']:.1e}; the smallest detectable leak is the one it finds "
        f"with probability {audit['power']}."
    )
