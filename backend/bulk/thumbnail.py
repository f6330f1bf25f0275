"""One image made small, with what was predicted on it as shapes that a page can show and hide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from backend.bulk.drawing import Drawing, LabelColours, Thing, drawing_of
from backend.pages.colours import as_hex
from backend.pages.inline_picture import inline_jpeg, inline_png
from backend.pages.markup import Markup, element
from backend.prediction.brush_mask import mask_of_rle
from backend.prediction.read_regions import ReadRegion
from backend.prediction.region_shapes import Brush, Ellipse, KeyPoint
from backend.prediction.shape_pixels import corners_of
from models.types import ImageSize

__all__ = ["Thumbnail", "thumbnail_of"]

#: Longer side of a picture, in pixels.
SIDE_PX = 320
SPOT_PX = 4
#: A caption as high as this keeps off the upper edge.
LINE_PX = 12
#: Lines under a picture: choices and texts.
MOST_LINES = 6
MOST_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """`name` says which image, `address` leads to it where it leads anywhere, `score` is the prediction's."""

    name: str
    address: str
    picture: str
    size: ImageSize
    drawing: Drawing
    score: float | None

    def markup(self, shown: Callable[[Thing], dict[str, str]] = lambda thing: {}) -> Markup:
        """A figure; `shown` gives what else each shape says of itself, as attributes."""
        width, height = self.size.width, self.size.height
        found = len(self.drawing.things)
        drawn = element(
            "svg",
            element("image", href=self.picture, width=str(width), height=str(height)),
            *(_group(thing, self.size, shown(thing)) for thing in self.drawing.things),
            viewBox=f"0 0 {width} {height}",
            role="img",
            aria_label=f"{self.name}, {found} {'region' if found == 1 else 'regions'}",
        )
        score = "" if self.score is None else f", {self.score:.2f}"
        named = f"{self.name}{score}"
        return element(
            "figure",
            element("a", drawn, href=self.address, tabindex="-1", aria_hidden="true")
            if self.address
            else drawn,
            element(
                "figcaption",
                element("a", named, href=self.address, dir="auto")
                if self.address
                else element("bdi", named),
                *(element("p", line, dir="auto") for line in self._lines()),
            ),
        )

    def _lines(self) -> Iterator[str]:
        lines = self.drawing.lines
        for line in lines[:MOST_LINES]:
            yield line if len(line) <= MOST_CHARACTERS else f"{line[:MOST_CHARACTERS]}..."
        if len(lines) > MOST_LINES:
            yield f"and {len(lines) - MOST_LINES} more"


def thumbnail_of(
    name: str,
    address: str,
    image: Image.Image,
    regions: Sequence[ReadRegion],
    colours: LabelColours,
    score: float | None,
) -> Thumbnail:
    """An upright RGB image with these regions of it."""
    scale = min(1.0, SIDE_PX / max(image.size))
    sides = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    picture = inline_jpeg(image.resize(sides))
    return Thumbnail(name, address, picture, ImageSize(*sides), drawing_of(regions, colours), score)


def _group(thing: Thing, size: ImageSize, attributes: dict[str, str]) -> Markup:
    place, colour = thing.place, as_hex(thing.colour)
    if isinstance(place, Brush):
        shape, at = _painted(thing, place, size), (0.0, 0.0)
    else:
        corners = corners_of(place, size)
        at = (min(x for x, _ in corners), min(y for _, y in corners))
        shape = _shape(thing, corners)
    x = max(2.0, min(at[0] + 2, size.width - 20.0))
    y = at[1] - 4 if at[1] > LINE_PX + 4 else at[1] + LINE_PX
    caption = element(
        "text",
        thing.caption[:40],
        x=f"{x:.1f}",
        y=f"{y:.1f}",
        fill=as_hex(thing.ink),
        stroke=colour,
    )
    return element("g", shape, caption, stroke=colour, fill=colour, **attributes)


def _shape(thing: Thing, corners: Sequence[tuple[float, float]]) -> Markup:
    match thing.place:
        case KeyPoint():
            ((x, y),) = corners
            return element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=str(SPOT_PX))
        case Ellipse():
            (left, top), (right, low) = corners[0], corners[2]
            return element(
                "ellipse",
                cx=f"{(left + right) / 2:.1f}",
                cy=f"{(top + low) / 2:.1f}",
                rx=f"{abs(right - left) / 2:.1f}",
                ry=f"{abs(low - top) / 2:.1f}",
            )
    return element("polygon", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in corners))


def _painted(thing: Thing, brush: Brush, size: ImageSize) -> Markup:
    """A mask as a picture of its own, see-through where nothing is painted."""
    sides = (size.width, size.height)
    mask = Image.frombytes(
        "L", (brush.size.width, brush.size.height), mask_of_rle(brush.rle, brush.size)
    )
    layer = Image.new("RGBA", sides, (*thing.colour, 0))
    layer.putalpha(mask.resize(sides).point(lambda alpha: 128 if alpha else 0))
    return element("image", href=inline_png(layer), width=str(size.width), height=str(size.height))
