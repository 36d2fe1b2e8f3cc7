"""A picture of some clips of a dataset: first, middle and last frame of each, with its label."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from datasets.doctor import Sample

_SIDE = 112
_FRAMES = 3
_COLUMNS = 4
_SEAM = 2
_GAP = 10
_CAPTION = 34
_BACKGROUND, _INK, _FAINT = (250, 250, 250), (20, 20, 20), (110, 110, 110)


def contact_sheet(samples: Sequence[Sample]) -> bytes:
    """Return a PNG of clips, four a row."""
    columns = min(_COLUMNS, len(samples))
    wide, high = _FRAMES * (_SIDE + _SEAM) + _GAP, _SIDE + _CAPTION + _GAP
    rows = -(-len(samples) // columns)
    sheet = Image.new("RGB", (columns * wide + _GAP, rows * high + _GAP), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    title, small = ImageFont.load_default(15), ImageFont.load_default(11)
    for number, sample in enumerate(samples):
        left, top = _GAP + number % columns * wide, _GAP + number // columns * high
        for place, frame in enumerate(np.linspace(0, len(sample.frames) - 1, _FRAMES).round().astype(int)):
            picture = Image.fromarray(sample.frames[frame]).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
            sheet.paste(picture, (left + place * (_SIDE + _SEAM), top))
        below = top + _SIDE
        draw.text((left, below + 1), _fitted(sample.label or "(no label)", title, draw), _INK, title)
        draw.text((left, below + 18), _fitted(f"{sample.split}  {sample.video_id}", small, draw), _FAINT, small)
    data = io.BytesIO()
    sheet.save(data, "PNG")
    return data.getvalue()


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, draw: ImageDraw.ImageDraw) -> str:
    """Return a text cut to a clip's width."""
    if draw.textlength(text, font) <= _FRAMES * _SIDE:
        return text
    while text and draw.textlength(text + "...", font) > _FRAMES * _SIDE:
        text = text[:-1]
    return text + "..."
