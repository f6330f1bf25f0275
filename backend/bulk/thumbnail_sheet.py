"""Thumbnails side by side in one image, each with a line or two: what a search found, at a glance."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from backend.pages.picture_font import PictureFonts
from backend.runs.output_file import writing
from backend.wording import printable

__all__ = ["Shown", "save_thumbnail_sheet"]

_COLUMNS, _SIDE_PX, _MARGIN_PX, _LINE_PX, _FONT_PX = 6, 160, 10, 16, 12


@dataclass(frozen=True, slots=True)
class Shown:
    """A JPEG of at most some hundred pixels, and the lines under it."""

    thumbnail: bytes
    lines: Sequence[str]


def save_thumbnail_sheet(found: Sequence[Shown], path: Path) -> None:
    """Write the sheet as a PNG, whose tiles have room for as many lines as the longest. Raises `OutputUnwritable`."""
    most = max((len(one.lines) for one in found), default=0)
    width, height = _SIDE_PX + _MARGIN_PX, _SIDE_PX + most * _LINE_PX + _MARGIN_PX
    columns = min(_COLUMNS, max(1, len(found)))
    rows = -(-len(found) // columns)
    sheet = Image.new("RGB", (_MARGIN_PX + columns * width, _MARGIN_PX + rows * height), "white")
    draw, fonts = ImageDraw.Draw(sheet), PictureFonts(_FONT_PX)
    for number, one in enumerate(found):
        row, column = divmod(number, columns)
        x, y = _MARGIN_PX + column * width, _MARGIN_PX + row * height
        with Image.open(io.BytesIO(one.thumbnail)) as image:
            small = image.convert("RGB")
        sheet.paste(small, (x + (_SIDE_PX - small.width) // 2, y + _SIDE_PX - small.height))
        for place, line in enumerate(one.lines):
            text, font = fonts.shown(printable(line)[:60])
            while text and font.getlength(text) > _SIDE_PX:
                text = text[:-1]
            draw.text((x, y + _SIDE_PX + place * _LINE_PX), text, fill="black", font=font)
    with writing(path) as file:
        sheet.save(file, format="PNG")
