"""Predictions at a glance: small pictures with their regions drawn in, side by side in one image.

Draws what Label Studio will be given, percent and all, with Pillow alone: so it also runs where the
models are not installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from backend.bulk.drawing import LabelColours, Thing, drawing_of
from backend.errors import BadRequest
from backend.pages.colours import Rgb
from backend.pages.picture_font import Font, PictureFonts
from backend.prediction.brush_mask import mask_of_rle
from backend.prediction.read_regions import ReadRegion
from backend.prediction.region_shapes import Brush, Ellipse, KeyPoint, Polygon, Rectangle
from backend.prediction.shape_pixels import corners_of
from backend.runs.output_file import check_output, writing
from backend.wording import printable
from models.types import ImageSize

__all__ = ["MAX_PICTURES", "ContactSheet", "check_sheet", "page_beside", "save_sheet"]

#: Pictures on one sheet; further ones are counted, not drawn.
MAX_PICTURES = 60
COLUMNS = 4
TILE_PX = 420
MARGIN_PX = 12
FONT_PX = 15
LINE_PX = 19
#: Lines under a picture: its name, then choices and texts.
LINES = 5
STROKE_PX = 3
SPOT_PX = 5


class ContactSheet:
    """Collects pictures one by one, each made small at once; `image` puts them together."""

    def __init__(self, colours: LabelColours) -> None:
        self._colours = colours
        self._tiles: list[Image.Image] = []
        self._left_out = 0
        self._fonts = PictureFonts(FONT_PX)

    def __len__(self) -> int:
        """Pictures on the sheet."""
        return len(self._tiles)

    def add(self, name: str, image: Image.Image, regions: Sequence[ReadRegion]) -> None:
        """Add an upright RGB image with the regions predicted for it."""
        if len(self._tiles) >= MAX_PICTURES:
            self._left_out += 1
            return
        scale = min(TILE_PX / image.width, TILE_PX / image.height)
        small = image.resize((_scaled(image.width, scale), _scaled(image.height, scale)))
        drawing = drawing_of(regions, self._colours)
        for thing in drawing.things:
            self._draw(small, thing)
        self._tiles.append(self._tile(small, [name, *drawing.lines]))

    def image(self) -> Image.Image:
        """The sheet: at most `MAX_PICTURES` tiles, `COLUMNS` to a row."""
        columns = min(COLUMNS, max(1, len(self._tiles)))
        rows = -(-len(self._tiles) // columns)
        width, height = TILE_PX + MARGIN_PX, TILE_PX + LINES * LINE_PX + MARGIN_PX
        below = MARGIN_PX + rows * height
        size = (MARGIN_PX + columns * width, below + (LINE_PX + MARGIN_PX) * bool(self._left_out))
        sheet = Image.new("RGB", size, "white")
        for number, tile in enumerate(self._tiles):
            row, column = divmod(number, columns)
            sheet.paste(tile, (MARGIN_PX + column * width, MARGIN_PX + row * height))
        if self._left_out:
            told = f"and {self._left_out} more, not shown"
            ImageDraw.Draw(sheet).text(
                (MARGIN_PX, below), told, fill="black", font=self._fonts.usual
            )
        return sheet

    def _tile(self, small: Image.Image, lines: Sequence[str]) -> Image.Image:
        tile = Image.new("RGB", (TILE_PX, TILE_PX + LINES * LINE_PX), "white")
        tile.paste(small, ((TILE_PX - small.width) // 2, TILE_PX - small.height))
        draw = ImageDraw.Draw(tile)
        more = len(lines) - LINES
        shown = lines if more <= 0 else [*lines[: LINES - 1], f"and {more + 1} more"]
        for number, line in enumerate(shown):
            fill = "black" if number == 0 else (70, 70, 70)
            at = (2, TILE_PX + number * LINE_PX + 2)
            text, font = self._fitted(line, TILE_PX - 4)
            draw.text(at, text, fill=fill, font=font)
        return tile

    def _draw(self, small: Image.Image, thing: Thing) -> None:
        place, colour = thing.place, thing.colour
        if isinstance(place, Brush):
            _paint(small, place, colour)
            corners = []
        else:
            corners = corners_of(place, ImageSize(*small.size))
        draw = ImageDraw.Draw(small)
        match place:
            case KeyPoint():
                ((x, y),) = corners
                draw.ellipse((x - SPOT_PX, y - SPOT_PX, x + SPOT_PX, y + SPOT_PX), fill=colour)
            case Ellipse():
                draw.ellipse((*corners[0], *corners[2]), outline=colour, width=STROKE_PX)
            case Rectangle() | Polygon():
                draw.polygon(corners, outline=colour, width=STROKE_PX)
        at = tuple(min((corner[axis] for corner in corners), default=0.0) for axis in (0, 1))
        self._tag(draw, (at[0], at[1]), thing)

    def _tag(self, draw: ImageDraw.ImageDraw, at: tuple[float, float], thing: Thing) -> None:
        """The caption in a filled box above a region; within, where there is no room above."""
        text, font = self._fitted(thing.caption, TILE_PX - 6)
        if not text:
            return
        width = font.getlength(text) + 5
        x = max(0.0, min(at[0], draw.im.size[0] - width))
        y = at[1] - LINE_PX if at[1] >= LINE_PX else at[1]
        draw.rectangle((x, y, x + width, y + LINE_PX - 1), fill=thing.colour)
        draw.text((x + 3, y + 1), text, fill=thing.ink, font=font)

    def _fitted(self, text: str, width_px: int) -> tuple[str, Font]:
        line, font = self._fonts.shown(printable(" ".join(text.split()))[:200])
        if font.getlength(line) <= width_px:
            return line, font
        while line and font.getlength(f"{line}...") > width_px:
            line = line[:-1]
        return f"{line}...", font


def page_beside(sheet: Path) -> Path:
    """Where the page goes whose sheet goes there. Raises `BadRequest` where that is the same file.

    >>> page_beside(Path("contact-sheet.png")).name
    'contact-sheet.html'
    """
    page = sheet.with_suffix(".html")
    if page == sheet:
        raise BadRequest(
            f"expected --sheet FILE.png, got {sheet}: the page beside it has that name"
        )
    return page


def check_sheet(path: Path) -> None:
    """Raises `BadRequest` or `OutputUnwritable` unless sheet and page could be written there now."""
    for each in (page_beside(path), path):
        check_output(each, "--sheet")


def save_sheet(sheet: Image.Image, page: str, path: Path) -> None:
    """The sheet as PNG, and the page beside it. Raises `OutputUnwritable`."""
    with writing(path) as file:
        sheet.save(file, format="PNG")
    with writing(page_beside(path)) as file:
        file.write(page.encode())


def _scaled(side: int, scale: float) -> int:
    return max(1, round(side * scale))


def _paint(small: Image.Image, brush: Brush, colour: Rgb) -> None:
    """Lays a brush mask over the picture, half transparent."""
    sides = (brush.size.width, brush.size.height)
    mask = Image.frombytes("L", sides, mask_of_rle(brush.rle, brush.size))
    half = mask.resize(small.size).point(lambda alpha: 128 if alpha else 0)
    small.paste(colour, (0, 0, *small.size), half)
