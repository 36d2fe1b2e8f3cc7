"""From a list of sources to a dataset: the survey, the plan, its shards, the card and the table of errors."""

import dataclasses
import functools
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import ray.data

from datasets.card import CONFIG, read_card, tally_markers, write_card, write_config
from datasets.clips.mouths import refuse_without_detector
from datasets.config import PreparationConfig
from datasets.editing.rewrite import finish_rewrites
from datasets.preparation import operators
from datasets.preparation.attempts import forget
from datasets.preparation.draft import Draft, Known, draft_plan, first_planned, read_known, write_draft
from datasets.preparation.markers import list_markers, read_markers
from datasets.preparation.plan import Shard, made_together, read_plan
from datasets.preparation.scheduling import all_processors
from datasets.preparation.shards import PlannedSource
from datasets.preparation.spans import describe_clip, remedy_for
from datasets.preparation.survey import survey_sources, tabulate_sources
from datasets.schema import ERROR_SCHEMA
from datasets.sources.screening import screen_sources
from datasets.sources.source import Source
from datasets.tables.offsets import OffsetScreen
from datasets.tables.table import write_table
from infra import cluster, storage
from infra.errors import InputError
from infra.progress import Progress, silent

Row = dict[str, Any]


class Preparation:
    """One run of preparation: `plan` looks at the sources, `run` makes what is missing."""

    def __init__(
        self,
        dataset: str,
        config: PreparationConfig,
        *,
        num_workers: int | None = None,
        progress: Progress = silent,
    ) -> None:
        self.dataset, self.config = dataset, config
        self.num_workers, self.progress = num_workers, progress
        self.errors: list[Row] = []
        self.removed: list[str] = []
        self.joined: tuple[tuple[str, ...], ...] = ()
        self.beyond: list[str] = []
        self.seconds: dict[str, float] = {}
        self._began = time.perf_counter()
        self.draft: Draft | None = None
        self._longest_seconds = 0.0
        refuse_without_detector(config.fit)
        self._screened: dict[str, float] = {}
        self._refuse_other_configuration()

    def plan(
        self,
        sources: Iterable[Source],
        *,
        missing: list[Row] | None = None,
        restore: bool = False,
        screen: OffsetScreen | None = None,
    ) -> None:
        """Look at the sources that are new and plan their shards; writes nothing.

        With `screen`, sources that are out of sync are errors, except those that are in the dataset already: `beyond` lists them.

        Videos that were removed from the dataset are listed in `removed` and stay away, or with `restore` are new again. Recordings
        that were told apart before, and that a new source shows to be one, are listed in `joined`.

        Raises:
            InputError: If no source at all is long enough for a clip, or for a pair where pairs are wanted, or the screen knows or
                leaves none.
        """
        self.errors = list(missing or [])
        known = read_known(self.dataset, restore=restore)
        if screen is not None:
            sources = self._screen(list(sources), screen, known)
        table = tabulate_sources(sources, self.config)
        forget(self.dataset)
        removed = set(known.removed().to_pylist())
        self.removed = sorted(removed.intersection(table["video_id"].to_pylist())) if removed else []
        num_workers = self.num_workers or int(cluster.num_processors())
        try:
            survey = survey_sources(
                known.without_known(table),
                dataset=self.dataset,
                config=self.config,
                num_workers=num_workers,
                progress=self.progress,
            )
        finally:
            for folder in (storage.join(self.dataset, "attempts"), self.dataset):
                storage.remove_if_empty(folder)
        began = time.perf_counter()
        self.progress("planning", 0, table.num_rows)
        self.draft = draft_plan(
            survey, known, dataset=self.dataset, sources=table, config=self.config, num_workers=num_workers
        )
        self.progress("planning", table.num_rows, table.num_rows)
        self.seconds |= {**survey.seconds, "plan": time.perf_counter() - began}
        self.errors += [*survey.errors, *self.draft.errors]
        self.joined = self.draft.identities.joined
        self._longest_seconds = survey.longest_seconds
        if not known.planned.num_rows:
            self._refuse_without_clips(self.draft, table.num_rows)

    @property
    def new_shards(self) -> list[Shard]:
        """Shards that `plan` added."""
        return list(self.draft.shards) if self.draft else []

    @property
    def num_sources(self) -> int:
        """How many sources the new shards are of."""
        return self.draft.num_sources if self.draft else 0

    def sample(self) -> PlannedSource | None:
        """Return one of the new sources; none where there is none."""
        return first_planned(self.draft) if self.draft else None

    @property
    def num_bytes(self) -> int:
        """Estimated size of what `run` writes."""
        return sum(shard.num_rows for shard in self.new_shards) * self.config.row_bytes

    def run(self) -> dict[str, Any]:
        """Make all planned shards that are not there yet, then the card; return the card.

        Raises:
            InputError: If there is not enough disk space; nothing is written then.
        """
        free = storage.free_bytes(self.dataset)
        if free is not None and free < 1.1 * self.num_bytes:
            raise InputError(
                f"--output: '{self.dataset}' has {free / 1e9:.1f} GB free and about "
                f"{self.num_bytes / 1e9:.1f} GB are needed; free some, or choose a smaller --size or --storage h264"
            )
        write_config(self.dataset, self.config)
        if self.draft:
            write_draft(self.draft, self.dataset)
            self.draft = dataclasses.replace(self.draft, survey=self.draft.survey.without_blocks())
        finish_rewrites(self.dataset)
        shards, standing = read_plan(self.dataset), list_markers(self.dataset)
        missing = [group for group in made_together(shards) if any(s.shard_id not in standing for s in group)]
        missing.sort(key=lambda group: -sum(shard.num_rows for shard in group))
        done = 0
        for number, spent in self._make(missing):
            for stage, seconds in spent.items():
                self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
            done += number
            self.progress("shards", done, sum(map(len, missing)))
        tally = tally_markers(read_markers(self.dataset, (shard.shard_id for shard in shards)))
        self.errors += tally.errors
        write_table(storage.join(self.dataset, "errors.parquet"), self.errors, ERROR_SCHEMA)
        self.seconds["wall"] = time.perf_counter() - self._began
        return write_card(
            self.dataset,
            config=self.config,
            tally=tally,
            num_errors=len(self.errors),
            seconds=self.seconds,
            screened=self._screened,
        )

    def _screen(self, sources: list[Source], screen: OffsetScreen, known: Known) -> list[Source]:
        """Return the sources that a screen leaves; what it leaves out is counted."""
        found = screen_sources(sources, screen, prepared=known.planned["video_id"].to_pylist())
        self.errors += found.errors
        self.beyond = found.prepared
        self._screened = {"max_offset_ms": screen.max_offset_ms, **found.judged}
        return found.kept

    def _refuse_without_clips(self, draft: Draft, num_sources: int) -> None:
        config = self.config
        if not draft.shards:
            reasons = sorted({row["reason"] for row in self.errors})
            raise InputError(
                f"--source: none of {num_sources} files gives a clip{describe_clip(config)} ({', '.join(reasons[:5])}); "
                f"{remedy_for(reasons, config)}"
            )
        if config.has_pairs and not draft.has_pair:
            raise InputError(
                f"--min-shift-seconds: {config.min_shift_seconds} with --clip-seconds {config.clip_seconds} is longer than "
                f"every video allows, the longest has {self._longest_seconds:.1f} s of picture with sound; "
                "give less, longer videos, or --pairs-per-video 0 for clips without a partner"
            )

    def _refuse_other_configuration(self) -> None:
        if storage.exists(storage.join(self.dataset, "dataset.json")):
            read_card(self.dataset)
        uri = storage.join(self.dataset, CONFIG)
        if not storage.exists(uri):
            return
        before = storage.read_json(uri)
        now = self.config.to_dict()
        changed = [name for name in now if now[name] != before.get(name)]
        if changed:
            name = changed[0]
            raise InputError(
                f"--output: '{self.dataset}' was prepared with {name}={before.get(name)}, now {name}={now[name]}; "
                "choose another folder or the same options"
            )

    def _make(self, groups: Sequence[Sequence[Shard]]) -> Iterator[tuple[int, dict[str, float]]]:
        """Make groups of shards; yield how many shards each has, and its seconds."""
        if not groups:
            return
        rows = [{"shards": json.dumps([dataclasses.asdict(shard) for shard in group])} for group in groups]
        make = functools.partial(operators.make_shards, dataset=self.dataset, config=self.config)
        made = ray.data.from_items(rows, override_num_blocks=len(rows)).map(make, **self._limit(len(rows)))
        stream = all_processors(made, name="shards")
        for row in stream.iter_rows():
            yield row["num_shards"], json.loads(row["seconds"])

    def _limit(self, num_tasks: int) -> dict[str, Any]:
        if self.num_workers is None:
            return {"num_cpus": 1}
        return {"num_cpus": 1, "compute": ray.data.TaskPoolStrategy(size=min(self.num_workers, num_tasks))}
