"""A picture of some clips of a dataset: first, middle and last frame of each, a still, a spectrogram; with label and first text."""

import io
from collections.abc import Sequence

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from datasets.doctor import Sample

_SIDE = 112
_FRAMES = 3
_COLUMNS = 4
_SEAM = 2
_GAP = 10
_WIDE = _FRAMES * (_SIDE + _SEAM) - _SEAM
_LINES = (18, 15)
"""Heights of the lines below a clip: its label, its split and name."""
_TEXT_LINE = 14
_TEXT_LINES_WITHOUT_PICTURE = _SIDE // _TEXT_LINE
_BACKGROUND, _INK, _FAINT = (250, 250, 250), (20, 20, 20), (110, 110, 110)


def contact_sheet(samples: Sequence[Sample]) -> bytes:
    """Return a PNG of clips, four a row."""
    columns = min(_COLUMNS, len(samples))
    caption = sum(_LINES) + (_TEXT_LINE if any(sample.texts for sample in samples) else 0)
    wide, high = _WIDE + _SEAM + _GAP, _SIDE + caption + 1 + _GAP
    rows = -(-len(samples) // columns)
    sheet = Image.new("RGB", (columns * wide + _GAP, rows * high + _GAP), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    title, small = ImageFont.load_default(15), ImageFont.load_default(11)
    for number, sample in enumerate(samples):
        left, top = _GAP + number % columns * wide, _GAP + number // columns * high
        pictures = _pictures(sample)
        for picture in pictures:
            sheet.paste(picture, (left, top))
            left += picture.width + _SEAM
        left, below = _GAP + number % columns * wide, top + _SIDE
        lines = [(sample.label or "(no label)", title, _INK), (f"{sample.split}  {sample.video_id}", small, _FAINT)]
        for (text, font, color), offset in zip(lines, (1, _LINES[0]), strict=True):
            draw.text((left, below + offset), _fitted(text, font, draw), color, font)
        if pictures and sample.texts:
            draw.text((left, below + sum(_LINES)), _fitted(sample.texts[0], small, draw), _INK, small)
        for line, text in enumerate(() if pictures else sample.texts[:_TEXT_LINES_WITHOUT_PICTURE]):
            draw.text((left, top + line * _TEXT_LINE), _fitted(text, small, draw), _INK, small)
    data = io.BytesIO()
    sheet.save(data, "PNG")
    return data.getvalue()


def _pictures(sample: Sample) -> list[Image.Image]:
    """Return what is seen of a clip, side by side: frames, or a still and the sound that goes with it."""
    if sample.frames is not None:
        places = np.linspace(0, len(sample.frames) - 1, _FRAMES).round().astype(int)
        return [_resized(sample.frames[place], _SIDE) for place in places]
    pictures = []
    if sample.image is not None:
        height, width = sample.image.shape[:2]
        pictures.append(_resized(sample.image, min(2 * _SIDE, max(1, round(width * _SIDE / height)))))
    if sample.log_mel is not None:
        left = _WIDE - sum(picture.width + _SEAM for picture in pictures)
        pictures.append(_resized(_spectrogram(sample.log_mel), left))
    return pictures


def _resized(picture: np.ndarray, width: int) -> Image.Image:
    return Image.fromarray(picture).resize((width, _SIDE), Image.Resampling.BILINEAR)


def _spectrogram(log_mel: np.ndarray) -> np.ndarray:
    """Return a spectrogram in color, low tones at the bottom: uint8 (bins, hops, 3)."""
    low, high = np.quantile(log_mel, 0.05), log_mel.max()
    loud = np.clip((log_mel[::-1] - low) / max(float(high - low), 1e-6), 0, 1)
    return (matplotlib.colormaps["magma"](loud)[..., :3] * 255).astype(np.uint8)


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, draw: ImageDraw.ImageDraw) -> str:
    """Return a text cut to a clip's width, on one line."""
    text = " ".join(text.split())[:200]
    if draw.textlength(text, font) <= _WIDE:
        return text
    while text and draw.textlength(text + "...", font) > _WIDE:
        text = text[:-1]
    return text + "..."
