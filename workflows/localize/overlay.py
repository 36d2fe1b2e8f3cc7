"""Overlays of localization maps on their video: an MP4 with the original sound, a contact sheet, arrays and a table."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from datasets.media import MediaError, write_chunks
from models.metrics.localization import place
from workflows.localize.maps import VideoMaps, describe_frames, unreadable
from workflows.localize.pieces import Frames, read_pieces

_HEIGHT = 288
_SAMPLE_RATE = 44100
_SHEET_COLUMNS, _SHEET_ROWS = 4, 2
_STRONGEST = 0.6
ENDINGS = (".mp4", ".png", ".npz", ".json")
"""Of the files that are written for a video."""


def write_outputs(maps: VideoMaps, path: str, folder: str, *, stem: str, threshold: float = 0.5) -> dict[str, Any]:
    """Write overlay, contact sheet, maps and table of a video; return their paths and in what share of frames a source was found.

    Raises:
        InputError: If the video cannot be read.
    """
    target = str(Path(folder) / stem)
    table = describe_frames(maps, threshold=threshold)
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        width = 2 * max(1, round(_HEIGHT * maps.aspect / 2))
        drawing = _Drawing(maps=maps, table=table, scale=maps.strongest, width=width)
        sheet = _write_overlay(drawing, path, f"{target}.mp4")
    except MediaError as error:
        raise unreadable(path, error) from None
    Image.fromarray(sheet).save(f"{target}.png")
    arrays: dict[str, Any] = {name: getattr(maps, name) for name in ("seconds", "signed", "rows", "columns")}
    if maps.contrast is not None:
        arrays["contrast"] = maps.contrast
    np.savez_compressed(f"{target}.npz", **arrays)
    found = float(np.mean([row["source_found"] for row in table]))
    Path(f"{target}.json").write_text(
        json.dumps(
            {
                "video": path,
                "kind": maps.kind,
                "threshold": threshold,
                "source_found_share": found,
                "left_out_seconds": maps.left_out,
                "frames": table,
            }
        )
    )
    return {"overlay": f"{target}.mp4", "sheet": f"{target}.png", "source_found_share": found}


def _write_overlay(drawing: "_Drawing", path: str, target: str) -> np.ndarray:
    """Write the overlay; return the contact sheet, a few of its frames side by side."""
    maps = drawing.maps
    num_tiles = _SHEET_COLUMNS * _SHEET_ROWS
    chosen = set(np.linspace(0, len(maps.seconds) - 1, num_tiles).round().astype(int).tolist())
    tiles: list[np.ndarray] = []

    def draw(pictures: np.ndarray, first: int) -> Iterator[np.ndarray]:
        for number, picture in enumerate(drawing.frames(pictures, first), start=first):
            if number in chosen:
                tiles.append(picture)
            yield picture

    frames = Frames(seconds=maps.seconds, parts=maps.parts, frame_rate=maps.frame_rate)
    pieces = read_pieces(path, maps.line, frames, size=_HEIGHT, sample_rate=_SAMPLE_RATE)
    chunks = ((draw(pictures, first), sound) for first, pictures, sound in pieces)
    write_chunks(target, chunks, frame_rate=maps.frame_rate, sample_rate=_SAMPLE_RATE)
    tiles += [np.zeros_like(tiles[0])] * (num_tiles - len(tiles))
    return np.concatenate(
        [np.concatenate(tiles[i : i + _SHEET_COLUMNS], axis=1) for i in range(0, num_tiles, _SHEET_COLUMNS)]
    )


def label_of(row: dict[str, Any]) -> str:
    """Return what is written on a frame of the overlay."""
    if row["probability"] is None:
        return f"{row['seconds']:6.2f} s  cannot tell: silent"
    found = "" if row["source_found"] else "  no source found"
    return f"{row['seconds']:6.2f} s  in sync {row['probability']:.0%}{found}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Drawing:
    """How maps lie over frames; one scale for the whole video."""

    maps: VideoMaps
    table: list[dict[str, Any]]
    scale: float
    width: int

    def frames(self, pictures: np.ndarray, first: int) -> Iterator[np.ndarray]:
        """Yield square pictures (frames, side, side, 3) in the video's own shape, with map and label."""
        values = self.maps.shown
        part = slice(first, first + len(pictures))
        evidence = place(values[part], rows=self.maps.rows, columns=self.maps.columns, height=96, width=96)
        for picture, cells, row in zip(pictures, evidence, self.table[part], strict=True):
            strength = np.clip(cells / self.scale, 0, 1) if row["source_found"] else np.zeros_like(cells)
            yield self._compose(picture, strength, row)

    def _compose(self, picture: np.ndarray, strength: np.ndarray, row: dict[str, Any]) -> np.ndarray:
        canvas = Image.fromarray(picture).resize((self.width, _HEIGHT), Image.Resampling.BICUBIC)
        heat = Image.fromarray((matplotlib.colormaps["inferno"](strength)[..., :3] * 255).astype(np.uint8))
        alpha = Image.fromarray((np.sqrt(strength) * _STRONGEST * 255).astype(np.uint8))
        across, down = self.maps.view
        size = 2 * round(self.width * across / 2), 2 * round(_HEIGHT * down / 2)
        corner = (self.width - size[0]) // 2, (_HEIGHT - size[1]) // 2
        canvas.paste(heat.resize(size), corner, alpha.resize(size))
        ImageDraw.Draw(canvas).text(
            (6, _HEIGHT - 20),
            label_of(row),
            fill="white",
            font=ImageFont.load_default(13),
            stroke_width=2,
            stroke_fill="black",
        )
        return np.asarray(canvas)
