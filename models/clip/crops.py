"""Squares cut out of an image, for judging a region by itself. Pure functions of an image."""

from __future__ import annotations

import math

from PIL import Image

from models.boxes import clip, grown
from models.types import Box, ImageSize

__all__ = ["MOST_SIDE", "SMALLEST_SIDE", "crop_square", "large_enough", "middle"]

#: Under this many pixels on its longer side, a region is too small to judge.
SMALLEST_SIDE = 32

#: A larger square is shrunk by a whole number to at least this side: around a panorama it would take gigabytes,
#: and a classifier sees some hundred pixels.
MOST_SIDE = 1024

_GROWTH = 0.15
_FILL = (124, 116, 104)


def large_enough(box: Box) -> bool:
    """Says whether a region's longer side has at least 32 pixels.

    >>> large_enough(Box(0, 0, 10, 31)), large_enough(Box(0, 0, 10, 32))
    (False, True)
    """
    return max(box.x_max - box.x_min, box.y_max - box.y_min) >= SMALLEST_SIDE


def crop_square(
    image: Image.Image, box: Box, *, growth: float = _GROWTH, least_side: float = 0
) -> Image.Image:
    """Gives the region with `growth` of its size around it, padded (not squashed) to a square.

    The square has at least `least_side` pixels, so that of a small region its surroundings show. Of a large
    one the image comes shrunk.

    Takes what the image shows around the region first, and a mean grey where the image ends.

    Raises `ValueError` when the box lies off the image.
    """
    wide = grown(box, growth)
    side = max(wide.x_max - wide.x_min, wide.y_max - wide.y_min, least_side)
    x, y = (wide.x_min + wide.x_max) / 2, (wide.y_min + wide.y_max) / 2
    square = Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    seen = clip(square, ImageSize(*image.size))
    if seen is None:
        raise ValueError(f"expected a box on an image of {image.size}, got {box}")
    left, top = math.floor(square.x_min), math.floor(square.y_min)
    pixels = max(1, math.ceil(square.x_max) - left)
    inner = (
        math.floor(seen.x_min),
        math.floor(seen.y_min),
        math.ceil(seen.x_max),
        math.ceil(seen.y_max),
    )
    factor = max(1, pixels // MOST_SIDE)
    canvas = Image.new("RGB", (-(-pixels // factor),) * 2, _FILL)
    part = image.crop(inner) if factor == 1 else image.reduce(factor, inner)
    canvas.paste(part, ((inner[0] - left) // factor, (inner[1] - top) // factor))
    return canvas


def middle(image: Image.Image, *, longest_ratio: float) -> Image.Image:
    """Gives the image cut to its middle where one side is more than `longest_ratio` of the other."""
    width, height = image.size
    most = max(1, round(min(width, height) * longest_ratio))
    if max(width, height) <= most:
        return image
    left, top = max(0, (width - most) // 2), max(0, (height - most) // 2)
    return image.crop((left, top, min(width, left + most), min(height, top + most)))
