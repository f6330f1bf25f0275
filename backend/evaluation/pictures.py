"""Images with what is there and what was found drawn in."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from backend.evaluation.worst import Mark
from backend.pages.picture_font import PictureFonts
from models.types import Box

__all__ = ["COLOURS", "drawn"]

#: Longer side of a picture, in pixels.
SIDE_PX = 640
FONT_PX = 14
DASH_PX = 7

#: Colour, whether dashed (what people drew), and width in pixels, by kind; also what the legend shows.
COLOURS: dict[str, tuple[tuple[int, int, int], bool, int]] = {
    "there": ((60, 170, 80), True, 1),
    "right": ((40, 110, 230), False, 2),
    "meant": ((240, 150, 0), True, 2),
    "misplaced": ((170, 40, 200), False, 2),
    "missed": ((240, 150, 0), True, 3),
    "false": ((220, 30, 40), False, 3),
}


def drawn(image: Image.Image, marks: Sequence[Mark]) -> Image.Image:
    """A smaller copy of an RGB image with the marks drawn in, mistakes on top."""
    scale = min(1.0, SIDE_PX / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    picture = image.resize(size)
    draw, fonts = ImageDraw.Draw(picture), PictureFonts(FONT_PX)
    order = list(COLOURS)
    for mark in sorted(marks, key=lambda mark: order.index(mark.kind)):
        colour, dashed, width = COLOURS[mark.kind]
        sides = _scaled(mark.box, scale)
        if dashed:
            _dashed(draw, sides, colour, width)
        else:
            draw.rectangle(sides, outline=colour, width=width)
        if mark.kind in ("missed", "false", "misplaced"):
            score = "" if mark.score is None else f" {mark.score:.2f}"
            _caption(draw, sides, f"{mark.label}{score}", colour, fonts)
    return picture


def _scaled(box: Box, scale: float) -> tuple[float, float, float, float]:
    return box.x_min * scale, box.y_min * scale, box.x_max * scale, box.y_max * scale


def _dashed(
    draw: ImageDraw.ImageDraw,
    sides: tuple[float, float, float, float],
    colour: tuple[int, int, int],
    width: int,
) -> None:
    left, top, right, bottom = sides
    for start, end in (
        ((left, top), (right, top)),
        ((right, top), (right, bottom)),
        ((right, bottom), (left, bottom)),
        ((left, bottom), (left, top)),
    ):
        length = abs(end[0] - start[0]) + abs(end[1] - start[1])
        steps = max(1, round(length / DASH_PX))
        for number in range(0, steps, 2):
            ends = [
                (
                    start[0] + (end[0] - start[0]) * at / steps,
                    start[1] + (end[1] - start[1]) * at / steps,
                )
                for at in (number, min(steps, number + 1))
            ]
            draw.line(ends, fill=colour, width=width)


def _caption(
    draw: ImageDraw.ImageDraw,
    sides: tuple[float, float, float, float],
    text: str,
    colour: tuple[int, int, int],
    fonts: PictureFonts,
) -> None:
    text, font = fonts.shown(text)
    width, _ = draw.im.size
    at = (
        max(0.0, min(sides[0], width - font.getlength(text) - 3)),
        max(0.0, sides[1] - FONT_PX - 4),
    )
    place = draw.textbbox(at, text, font=font)
    draw.rectangle((place[0] - 2, place[1] - 1, place[2] + 2, place[3] + 1), fill=colour)
    draw.text(at, text, fill="white", font=font)
