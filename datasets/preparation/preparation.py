"""From a list of sources to a dataset: the chain of operators, its plan, its card and its table of errors."""

import functools
import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import ray.data

from datasets.card import CONFIG, read_card, write_card, write_config
from datasets.config import PreparationConfig
from datasets.editing.rewrite import finish_rewrites
from datasets.preparation import operators
from datasets.preparation.attempts import forget
from datasets.preparation.fingerprint import group_recordings
from datasets.preparation.probing import probe_row, recording_names, state_of
from datasets.preparation.scheduling import all_processors
from datasets.preparation.shards import (
    SHARD_BYTES,
    SPLITS,
    PlannedShard,
    PlannedSource,
    append_plan,
    current_shards,
    marker_file,
    plan_shards,
    planned_videos,
    read_plan,
    read_whole_plan,
    retired_shards,
)
from datasets.preparation.spans import (
    describe_clip,
    describe_too_short,
    refuse_other_modalities,
    remedy_for,
    usable_span,
    windows_of,
)
from datasets.schema import ERROR_SCHEMA
from datasets.sources.source import Source
from datasets.tables.recordings import read_recordings, write_recordings
from datasets.tables.table import write_table
from infra import cluster, storage
from infra.errors import InputError
from infra.progress import Progress, silent
from infra.seeding import hash_fraction

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
        self.new_shards: list[PlannedShard] = []
        self.removed: list[str] = []
        self.seconds: dict[str, float] = {}
        self._recordings: list[Row] = []
        self._longest_seconds = 0.0
        self._refuse_other_configuration()

    def plan(self, sources: list[Source], *, missing: list[Row] | None = None, restore: bool = False) -> None:
        """Probe the sources that are new and plan their shards; writes nothing.

        Videos that were removed from the dataset are listed in `removed` and stay away, or with `restore` are new again.

        Raises:
            InputError: If no source at all is long enough for a clip, or for a pair where pairs are wanted.
        """
        refuse_other_modalities(sources, self.config)
        forget(self.dataset)
        self.errors = list(missing or [])
        planned_before = read_whole_plan(self.dataset)
        # A run that was killed between its plan and its recordings has planned some of the new videos already.
        videos_before = planned_videos(current_shards(planned_before))
        known = self._known(sources, videos_before, restore=restore)
        states = {source.video_id: state_of(source) for source in sources}
        done = {(row["path"], row["state"], row["video_id"]) for row in known}
        new = [s for s in sources if (s.place, states[s.video_id], s.video_id) not in done]
        try:
            probed = sorted(self._probe(new), key=lambda row: row["video_id"])
        finally:
            for folder in (storage.join(self.dataset, "attempts"), self.dataset):
                storage.remove_if_empty(folder)
        for stage in ("probe", "fingerprint"):
            self.seconds[stage] = sum(row[f"{stage}_seconds"] for row in probed)
        self.errors += [{"source": row["path"], **json.loads(row["error"])} for row in probed if row["error"]]
        probed = self._without_known([row for row in probed if not row["error"]], known)
        identities = self._identify(probed, known, recording_names(new, probed))
        by_source = {source.video_id: source for source in new}
        splits: dict[str, list[PlannedSource]] = {split: [] for split in SPLITS}
        for row in probed:
            source, recording_id = by_source[row["video_id"]], identities[row["video_id"]]
            planned = self._plan_source(source, row, recording_id)
            if planned is not None:
                if planned.video_id not in videos_before:
                    splits[source.split or self._split_of(recording_id)].append(planned)
                self._recordings.append({**row, "state": states[row["video_id"]], "recording_id": recording_id})
        self.new_shards = plan_shards(
            splits,
            fingerprint=self.config.fingerprint,
            most_rows=max(2, SHARD_BYTES // self.config.row_bytes),
            num_workers=self.num_workers or int(cluster.num_processors()),
            retired=retired_shards(planned_before),
        )
        if not videos_before:
            self._refuse_without_clips(sources)

    @property
    def num_bytes(self) -> int:
        """Estimated size of what `run` writes."""
        num_rows = sum(len(s.windows) for shard in self.new_shards for s in shard.sources)
        return num_rows * self.config.row_bytes

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
        append_plan(self.dataset, self.new_shards)
        if self._recordings:
            write_recordings(self.dataset, self._recordings)
        finish_rewrites(self.dataset)
        shards = read_plan(self.dataset)
        missing = [shard for shard in shards if not storage.exists(marker_file(self.dataset, shard.shard_id))]
        began = time.perf_counter()
        for done, marker in enumerate(self._make(missing), start=1):
            for stage, seconds in marker["seconds"].items():
                self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
            self.progress("shards", done, len(missing))
        self.seconds["wall"] = time.perf_counter() - began
        markers = [storage.read_json(marker_file(self.dataset, shard.shard_id)) for shard in shards]
        self._write_errors(markers)
        return write_card(
            self.dataset,
            config=self.config,
            markers=markers,
            num_errors=len(self.errors),
            seconds=self.seconds,
        )

    def _refuse_without_clips(self, sources: list[Source]) -> None:
        config = self.config
        if not self.new_shards:
            reasons = sorted({row["reason"] for row in self.errors})
            raise InputError(
                f"--source: none of {len(sources)} files gives a clip{describe_clip(config)} ({', '.join(reasons[:5])}); "
                f"{remedy_for(reasons, config)}"
            )
        planned = [source for shard in self.new_shards for source in shard.sources]
        if config.has_pairs and not any(s.has_pair for s in planned):
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

    def _probe(self, sources: list[Source]) -> list[Row]:
        if not sources:
            return []
        rows = [probe_row(source, self.config) for source in sources]
        blocks = min(len(rows), 64 * (self.num_workers or 2))
        stream = (
            all_processors(ray.data.from_items(rows, override_num_blocks=blocks))
            .map(functools.partial(operators.probe_source, dataset=self.dataset, config=self.config), **self._limit())
            .map(
                functools.partial(operators.fingerprint_source, dataset=self.dataset, config=self.config),
                **self._limit(),
            )
        )
        probed = []
        for row in stream.iter_rows():
            probed.append(row)
            self.progress("sources", len(probed), len(rows))
        return probed

    def _without_known(self, probed: list[Row], known: list[Row]) -> list[Row]:
        """Return the sources that are new in content; a known name with other content is an error row.

        A file that was only touched or moved with its folder is known.
        """
        contents = {row["video_id"]: row["content_id"] for row in known}
        new = []
        for row in probed:
            before = contents.get(row["video_id"])
            if before is None:
                new.append(row)
            elif before != row["content_id"]:
                detail = "its clips are of another file of this name; prepare it into another folder"
                self.errors.append({"source": row["path"], "stage": "plan", "reason": "changed", "detail": detail})
        return new

    def _make(self, shards: list[PlannedShard]) -> Iterator[Row]:
        if not shards:
            return
        rows = [{"shard": shard.to_json()} for shard in shards]
        decode = functools.partial(operators.decode_shard, dataset=self.dataset, config=self.config)
        stream = (
            all_processors(ray.data.from_items(rows, override_num_blocks=len(rows)))
            .map(decode, **self._limit())
            .map(functools.partial(operators.add_log_mel, config=self.config), **self._limit())
            .map(functools.partial(operators.commit_shard, dataset=self.dataset), **self._limit())
        )
        for row in stream.iter_rows():
            yield json.loads(row["marker"])

    def _limit(self) -> dict[str, Any]:
        if self.num_workers is None:
            return {"num_cpus": 1}
        return {"num_cpus": 1, "compute": ray.data.TaskPoolStrategy(size=self.num_workers)}

    def _identify(self, probed: list[Row], known: list[Row], catalog: dict[str, str | None]) -> dict[str, str]:
        """Return the recording of every new source: that of an older copy, the catalog's name, or its content."""
        prints = {row["video_id"]: np.frombuffer(row["fingerprint"], np.uint32) for row in known + probed}
        first = group_recordings(prints)
        names = {row["video_id"]: row["recording_id"] for row in known}
        by_content = {row["content_id"]: row["recording_id"] for row in known}
        for row in probed:
            own = by_content.setdefault(row["content_id"], catalog[row["video_id"]] or row["content_id"])
            names[row["video_id"]] = names.get(first[row["video_id"]], own)
        return names

    def _plan_source(self, source: Source, row: Row, recording_id: str) -> PlannedSource | None:
        info = json.loads(row["info"])
        span = usable_span(source, info, self.config)
        self._longest_seconds = max(self._longest_seconds, span[1] - span[0])
        windows = windows_of(source, span, self.config)
        if not windows:
            detail = describe_too_short(span, self.config)
            self.errors.append({"source": source.place, "stage": "plan", "reason": "too short", "detail": detail})
            return None
        return PlannedSource(
            path=source.path,
            video_id=source.video_id,
            content_id=row["content_id"],
            recording_id=recording_id,
            label=source.label,
            origin_seconds=info.get("origin_seconds", 0.0),
            windows=tuple(windows),
            image=source.image,
            texts=source.texts,
            boxes=source.boxes,
            fold=source.fold,
        )

    def _split_of(self, recording_id: str) -> str:
        place = hash_fraction(self.config.seed, recording_id)
        if place < self.config.test_share:
            return "test"
        return "validation" if place < self.config.test_share + self.config.validation_share else "train"

    def _known(self, sources: list[Source], planned: set[str], *, restore: bool) -> list[Row]:
        """Return the recordings of the videos that are in the dataset, or were and stay away."""
        known = read_recordings(self.dataset)
        removed = {row["video_id"] for row in known} - planned
        self.removed = [] if restore else sorted(removed & {source.video_id for source in sources})
        return [row for row in known if row["video_id"] in planned] if restore else known

    def _write_errors(self, markers: list[Row]) -> None:
        for marker in markers:
            self.errors += marker["errors"]
        write_table(storage.join(self.dataset, "errors.parquet"), self.errors, ERROR_SCHEMA)
