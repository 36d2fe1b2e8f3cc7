"""Maps drawn over their video: an MP4 with the original sound, a contact sheet, arrays and a table."""

import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from datasets.media import probe, write_video
from workflows.localization import MapKind, VideoMaps, describe_frames, full_frame_maps, output_stem

_HEIGHT = 288
_SHEET_COLUMNS, _SHEET_ROWS = 4, 2
_STRONGEST = 0.6


def write_outputs(maps: VideoMaps, path: str, folder: str, *, kind: MapKind, crop_share: float) -> dict[str, Any]:
    """Write overlay, contact sheet, maps and table of a video; return their paths and how often a source was found."""
    stem = str(Path(folder) / output_stem(path))
    Path(folder).mkdir(parents=True, exist_ok=True)
    info = probe(path)
    width = 2 * round(_HEIGHT * info.width / max(1, info.height) / 2)
    table = describe_frames(maps, kind, crop_share=crop_share)
    pictures = _draw(maps, table, kind, width=width, crop_share=crop_share)
    write_video(
        f"{stem}.mp4",
        iter(pictures),
        np.clip(maps.waveform, -1, 1),
        frame_rate=maps.frame_rate,
        sample_rate=maps.sample_rate,
    )
    chosen = np.linspace(0, len(pictures) - 1, _SHEET_COLUMNS * _SHEET_ROWS).round().astype(int)
    rows = [
        np.concatenate([pictures[i] for i in chosen[begin : begin + _SHEET_COLUMNS]], axis=1)
        for begin in range(0, len(chosen), _SHEET_COLUMNS)
    ]
    Image.fromarray(np.concatenate(rows)).save(f"{stem}.png")
    np.savez_compressed(
        f"{stem}.npz",
        seconds=maps.seconds,
        signed=maps.signed.astype(np.float32),
        contrast=maps.contrast.astype(np.float32),
        rows=np.asarray(maps.rows),
        columns=np.asarray(maps.columns),
    )
    found = float(np.mean([row["source_found"] for row in table]))
    Path(f"{stem}.json").write_text(
        json.dumps({"video": path, "kind": kind, "source_found_share": found, "frames": table})
    )
    return {"overlay": f"{stem}.mp4", "sheet": f"{stem}.png", "source_found_share": found}


def _draw(
    maps: VideoMaps, table: list[dict[str, Any]], kind: MapKind, *, width: int, crop_share: float
) -> list[np.ndarray]:
    """Return the frames with their maps; one scale for the whole video."""
    inner = 2 * round(_HEIGHT * crop_share / 2), 2 * round(width * crop_share / 2)
    evidence = full_frame_maps(maps, kind, side=96)
    scale = max(float(np.quantile(np.maximum(evidence, 0), 0.995)), 1e-6)
    colors = matplotlib.colormaps["inferno"]
    font = ImageFont.load_default(13)
    pictures = []
    for frame, cells, row in zip(maps.frames, evidence, table, strict=True):
        canvas = Image.fromarray(frame).resize((width, _HEIGHT), Image.Resampling.BICUBIC)
        strength = np.clip(cells / scale, 0, 1) if row["source_found"] else np.zeros_like(cells)
        heat = Image.fromarray((colors(strength)[..., :3] * 255).astype(np.uint8))
        alpha = Image.fromarray((np.sqrt(strength) * _STRONGEST * 255).astype(np.uint8))
        size = inner[1], inner[0]
        corner = (width - size[0]) // 2, (_HEIGHT - size[1]) // 2
        canvas.paste(heat.resize(size), corner, alpha.resize(size))
        label = f"{row['seconds']:6.2f} s  evidence {row['score']:+.2f}"
        if not row["source_found"]:
            label += "  no source found"
        draw = ImageDraw.Draw(canvas)
        draw.text((6, _HEIGHT - 20), label, fill="white", font=font, stroke_width=2, stroke_fill="black")
        pictures.append(np.asarray(canvas))
    return pictures
