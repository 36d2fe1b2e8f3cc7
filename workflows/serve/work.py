"""The work on one file, in a process of its own: its answer, its maps, a copy that browsers play, and its mended copy."""

import contextlib
import dataclasses
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from datasets.media import MediaError, probe
from infra import storage
from infra.errors import InputError
from infra.progress import Progress
from models.metrics.localization import source_found
from workflows.evaluators import localization
from workflows.localize.maps import VideoMaps, map_video
from workflows.offset.answer import Tolerance
from workflows.offset.examine import File, Wanted, examine
from workflows.offset.reading import CORRELATION, method_name, reading_for
from workflows.serve.limits import NO_SPACE, Limits, is_disk_full
from workflows.serve.preview import write_preview
from workflows.trained.model import Model, loaded

_MAX_OFFSET_SECONDS = 1.0
_UNREADABLE = "it is no video, or is damaged"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """Works on a file with a model.

    Args:
        limits: what is refused.
        model_folder: a local copy of the model; None where there is none.
        model_name: what the model is called.
    """

    limits: Limits
    model_folder: str | None
    model_name: str | None

    def __call__(self, path: str, name: str, connection: Connection) -> None:
        """Write the results beside a file, and send progress, the answer and how it is shown, or why there is none."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with contextlib.suppress(BrokenPipeError):
            try:
                self._work(path, name, lambda kind, value: connection.send((kind, value)))
            except (InputError, MediaError) as error:
                connection.send(("refused", _sentence(error, path)))
            except OSError as error:
                if not is_disk_full(error):
                    raise
                connection.send(("refused", NO_SPACE))

    def _work(self, path: str, name: str, send: Callable[[str, Any], None]) -> None:
        def progress(stage: str, done: int, total: int) -> None:
            send("progress", (stage, done, total))

        progress("reading", 0, 1)
        refused = self.limits.refuse_video(path)
        if refused:
            raise InputError(refused)
        model = None
        if self.model_folder is not None:
            with loaded(self.model_folder) as model:
                pass
        answer = self._answer(path, name, model, progress)
        send("answer", {key: value for key, value in answer.items() if key not in ("curve", "windows")})
        send("done", _show(path if answer["fix"] is None else _beside(path, answer["fix"]), model, progress))

    def _answer(self, path: str, name: str, model: Model | None, progress: Progress) -> dict[str, Any]:
        """Write answer, curve and mended copy; return the answer as `workflows.offset` gives it."""
        has_lags = model is not None and gives_offsets(model)
        folder = os.path.dirname(path)
        wanted = Wanted(
            model=None, output=folder, fix=folder, max_offset_seconds=_MAX_OFFSET_SECONDS, tolerance=Tolerance()
        )
        with reading_for(self.model_folder if has_lags else None) as (reading, _):
            method = method_name(self.model_name) if has_lags else CORRELATION
            file = File(path=path, stem="mended")
            row = examine(file, reading, method=method, wanted=wanted, progress=progress)
        if row["error"]:
            raise InputError(row["error"])
        mended = None if row["fix"] is None else os.path.basename(row["fix"])
        row = {key: row[key] for key in row if key not in ("stem", "made_from", "error")} | {
            "video": name,
            "fix": mended,
        }
        storage.write_json(_beside(path, "answer.json"), row)
        os.remove(_beside(path, "mended.json"))
        os.rename(_beside(path, "mended.png"), _beside(path, "curve.png"))
        return row


def _show(path: str, model: Model | None, progress: Progress) -> dict[str, Any]:
    """Write the maps of a file and the copy to play; return how the page shows them."""
    maps, no_maps = _maps(model, path, progress)
    picture = write_preview(path, _beside(path, "preview.mp4"), probe(path), maps, progress=progress)
    drawn = None if maps is None else {**picture, **_write_maps(maps, os.path.dirname(path))}
    return {"map": drawn, "no_maps": no_maps}


def _beside(path: str, name: str) -> str:
    return os.path.join(os.path.dirname(path), name)


def gives_offsets(model: Model) -> bool:
    """Return whether offsets are found with a model's features; otherwise motion is correlated with loudness."""
    return hasattr(model.module, "offset_features")


def refuse_without_maps(model: Model) -> None:
    """Refuse a model that draws no maps.

    Raises:
        InputError: Naming what it lacks.
    """
    model.refuse_without(localization.NEEDS, verb="serve")


def _maps(model: Model | None, path: str, progress: Progress) -> tuple[VideoMaps | None, str]:
    """Return the maps of a video, or none and why."""
    if model is None:
        return None, "This server has no model that draws maps."
    try:
        return map_video(model, path, progress=progress), ""
    except InputError as error:
        return None, _sentence(error, path)


def _write_maps(maps: VideoMaps, folder: str) -> dict[str, Any]:
    """Write the maps as arrays, and as bytes for the page; return how the page draws them."""
    arrays = {name: getattr(maps, name) for name in ("seconds", "signed", "rows", "columns")}
    np.savez_compressed(os.path.join(folder, "maps.npz"), **arrays)
    found = source_found(maps.shown, maps.logits, threshold=0.5)
    cells = np.clip(maps.shown / maps.strongest, 0, 1) * found[:, None, None]
    with open(os.path.join(folder, "maps.bin"), "wb") as file:
        file.write((255 * cells).astype(np.uint8).tobytes())
    across, down = maps.view
    num_frames, rows, columns = cells.shape
    place = [*_extent(maps.columns, across), *_extent(maps.rows, down)]
    return {"frames": num_frames, "rows": rows, "columns": columns, "place": place, "found_share": float(found.mean())}


def _extent(centers: tuple[float, ...], share: float) -> tuple[float, float]:
    """Return where the cells begin and end, as shares of the whole picture."""
    first, last = min(centers), max(centers)
    half = (last - first) / (len(centers) - 1) / 2 if len(centers) > 1 else 0.5
    low, high = first - half, last + half
    return 0.5 + share * (low - 0.5), 0.5 + share * (high - 0.5)


def _sentence(error: InputError | MediaError, path: str) -> str:
    """Return an error as one sentence for people who know neither options nor paths."""
    if isinstance(error, MediaError):
        told = _UNREADABLE if error.reason.startswith("cannot") else f"{error.reason} {error.detail}".strip()
        return f"The file cannot be used: {told}. Choose a video with picture and sound."
    text = str(error).removeprefix("--video: ").replace(f"'{path}'", "the file").removeprefix("the file: ")
    return text[0].upper() + text[1:]
