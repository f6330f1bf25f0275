"""The geometry of a region's entry -> its shape, in percent of the image or as a mask. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from backend.errors import BadRequest
from backend.plain import Json
from models.types import ImageSize, Point

__all__ = ["Brush", "Ellipse", "KeyPoint", "Polygon", "Rectangle", "Shape", "shape_of", "size_of"]

#: A code may claim rows without end in a few bytes.
MOST_SIDE_PX = 100_000
MOST_RLE_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Rectangle:
    """x and y of its corner, around which it is turned by `rotation` degrees."""

    x: float
    y: float
    width: float
    height: float
    rotation: float = 0.0


@dataclass(frozen=True, slots=True)
class Ellipse:
    """x and y of its middle."""

    x: float
    y: float
    radius_x: float
    radius_y: float


@dataclass(frozen=True, slots=True)
class Polygon:
    """At least three points."""

    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Brush:
    """A mask as Label Studio's run-length code, of an image of `size`."""

    rle: tuple[int, ...]
    size: ImageSize


@dataclass(frozen=True, slots=True)
class KeyPoint:
    """A point; one that is not `positive` says where the thing is not."""

    at: Point
    positive: bool = True


Shape: TypeAlias = Rectangle | Ellipse | Polygon | Brush | KeyPoint


def shape_of(entry: Json) -> Shape | None:
    """Where an entry of a `result` is; `None` without a place. Raises `BadRequest` for one that cannot be.

    What is said of a region repeats its geometry.
    """
    value: Json = entry["value"]
    match value:
        case {"rle": rle}:
            return _brush(rle, entry)
        case {"points": points}:
            return _polygon(points)
        case {"radiusX": _}:
            return Ellipse(*_numbers(value, "x", "y", "radiusX", "radiusY"))
        case {"height": _}:
            turned = ("rotation",) if value.get("rotation") is not None else ()
            return Rectangle(*_numbers(value, "x", "y", "width", "height", *turned))
        case {"x": _, "y": _}:
            x, y = _numbers(value, "x", "y")
            return KeyPoint((x, y), positive=entry.get("is_positive") is not False)
    return None


def size_of(entry: Json) -> ImageSize | None:
    """The image's size in pixels, as an entry has it; `None` where it does not tell."""
    width, height = (_side(entry.get(f"original_{side}")) for side in ("width", "height"))
    return ImageSize(width, height) if width and height else None


def _side(pixels: Any) -> int:
    """A side of an image; 0 for what is none."""
    known = type(pixels) in (int, float) and 1 <= pixels <= MOST_SIDE_PX
    return round(pixels) if known else 0


def _polygon(points: object) -> Polygon:
    pairs = points if isinstance(points, list) else []
    if len(pairs) < 3 or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise BadRequest(
            f"expected a polygon of at least three points, got {points!r:.80}; draw one more"
        )
    return Polygon(tuple((_finite(x, "points"), _finite(y, "points")) for x, y in pairs))


def _brush(rle: object, entry: Json) -> Brush:
    if (
        not isinstance(rle, list)
        or len(rle) > MOST_RLE_BYTES
        or not all(isinstance(byte, int) and 0 <= byte <= 255 for byte in rle)
    ):
        raise BadRequest(
            f"expected a brush mask as at most {MOST_RLE_BYTES} bytes under rle, got {rle!r:.60}"
        )
    size = size_of(entry)
    if size is None:
        sides = [entry.get(f"original_{side}") for side in ("width", "height")]
        raise BadRequest(
            "expected original_width and original_height of a brush mask in pixels, at most "
            f"{MOST_SIDE_PX}, got {sides!r:.60}"
        )
    return Brush(tuple(rle), size)


def _numbers(value: Json, *keys: str) -> list[float]:
    return [_finite(value.get(key), key) for key in keys]


def _finite(number: Any, what: str) -> float:
    if type(number) not in (int, float) or not abs(number) <= 1e6:
        raise BadRequest(f"expected {what} of a region in percent of the image, got {number!r:.40}")
    return float(number)
