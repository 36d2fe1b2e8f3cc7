"""What a preparation says of itself: before it starts, to its run, and at its end."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from datasets.card import preparation_of
from datasets.preparation.accounts import describe_account
from datasets.preparation.draft import OTHER_SPLIT
from datasets.preparation.operators import decode_source
from datasets.preparation.preparation import Preparation
from datasets.reading.profile import dataset_columns, profile_dataset
from datasets.tables.offsets import describe_screened
from infra.seeding import digest
from infra.tracking import Run

_MOST_NAMED = 5


def describe_plan(preparation: Preparation) -> str:
    """Return windows, hours, bytes and time of what would be made; the time from decoding one source here."""
    num_windows = sum(shard.num_rows for shard in preparation.new_shards)
    config = preparation.config
    lines = [
        f"sources  {preparation.num_sources} usable, {len(preparation.errors)} in the table of errors",
        f"windows  {num_windows}",
        f"hours    {num_windows * config.row_seconds / 3600:.3f}",
        f"bytes    about {preparation.num_bytes / 1e6:.0f} MB",
    ]
    sample = preparation.sample()
    if sample is not None:
        began = time.perf_counter()
        decode_source(sample, dataset=preparation.dataset, config=config)
        seconds = (time.perf_counter() - began) / len(sample.windows) * num_windows
        workers = preparation.num_workers
        divisor = workers or 1
        lines.append(f"time     about {seconds / divisor:.0f} s with {divisor} worker{'s' if divisor > 1 else ''}")
    return "\n".join(lines)


def describe_beyond(videos: Sequence[str]) -> list[str]:
    """Return a line where videos of the dataset are out of sync; none where none is."""
    if not videos:
        return []
    named = ", ".join(videos[:_MOST_NAMED]) + (", ..." if len(videos) > _MOST_NAMED else "")
    return [
        f"warning: {len(videos)} videos beyond --max-offset-ms are in the dataset and stay ({named}); workflows.remove takes them out"
    ]


def log_preparation(run: Run, dataset: str, card: dict[str, Any], *, source: str, preset: str) -> None:
    """Log configuration, counts and card: lineage starts here."""
    run.log_params(card["config"] | {"source": source, "preset": preset, "output": dataset})
    counts = {f"{split}_{name}": n for split, row in card["splits"].items() for name, n in row.items()}
    seconds = {f"seconds_{name}": value for name, value in card["seconds_by_operator"].items()}
    run.log_metrics(counts | seconds | {"hours": card["hours"], "num_errors": card["num_errors"]})
    name = dataset.rsplit("/", 1)[-1]
    if source:
        length = card["sources"]["seconds"]
        profile = {"seconds": length, "num_errors": card["num_errors"]}
        run.log_dataset(
            source,
            name=source.rsplit("/", 1)[-1],
            digest=digest(source, length).hex(),
            context="source",
            profile=profile,
        )
    given = {"columns": dataset_columns(card), "profile": profile_dataset(card)}
    run.log_dataset(dataset, name=name, digest=card["fingerprint"], context="prepared", **given)
    run.describe(f"Preparation of the dataset `{dataset}` from `{source}`.")
    run.log_dict(card, "dataset.json")
    tags = {"code_hash": card["code_version"]["hash"], "commit": card["code_version"]["commit"]}
    run.set_tags(tags | {"dataset_fingerprint": card["fingerprint"]})


def summarize_card(
    dataset: str,
    card: dict[str, Any],
    errors: Sequence[dict[str, Any]] = (),
    *,
    removed: Sequence[str] = (),
    joined: Sequence[Sequence[str]] = (),
) -> str:
    """Return a few lines for the terminal."""
    lines = [f"{'split':<12}{'videos':>8}{'clips':>8}{'pairs':>8}"]
    for split, row in card["splits"].items():
        lines.append(f"{split:<12}{row['videos']:>8}{row['rows']:>8}{row['pairs']:>8}")
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in card["seconds_by_operator"].items())
    lines.append(f"{card['hours']:.3f} hours, {card['num_bytes'] / 1e6:.1f} MB; {seconds}")
    lines += describe_account(card["sources"])
    lines += [f"offsets  {line}" for line in describe_screened(card["screened"])]
    held = {name: sum(counts.values()) for name, counts in card["holds"].items()}
    lines.append(f"hold     {', '.join(f'{name} {count}' for name, count in held.items()) or 'nothing'}")
    singles = sum(row["rows"] - 2 * row["pairs"] for row in card["splits"].values())
    if singles and preparation_of(card).has_pairs:
        lines.append(f"{singles} clips without a partner: too short for two windows, training in pairs leaves them out")
    for (stage, reason), count in sorted(Counter((e["stage"], e["reason"]) for e in errors).items()):
        use = "used, but" if reason == OTHER_SPLIT else "not used:"
        lines.append(f"{use} {count} x {reason} ({stage})")
    for names in joined:
        lines.append(
            f"one recording after all: {', '.join(names)}; each keeps its split, workflows.audit says if they differ"
        )
    if removed:
        lines.append(f"{len(removed)} videos were removed from the dataset and stay away; --restore brings them back")
    lines.append(f"dataset  {dataset}")
    return "\n".join(lines)
