"""One region of a context, in Label Studio's JSON -> what it draws, points at or says. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from backend.errors import BadRequest
from models.types import Point

__all__ = [
    "Json",
    "Outlined",
    "Painted",
    "Pointed",
    "Rectangular",
    "Round",
    "Shape",
    "Typed",
    "pointed_by",
    "shape_of",
]

Json: TypeAlias = Mapping[str, Any]

#: A code may claim rows without end in a few bytes.
MOST_SIDE_PX = 100_000
MOST_RLE_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Rectangular:
    """A rectangle in percent: x and y of its corner, turned around that by `rotation` degrees."""

    x: float
    y: float
    width: float
    height: float
    rotation: float = 0.0


@dataclass(frozen=True, slots=True)
class Round:
    """An ellipse in percent: x and y of its middle."""

    x: float
    y: float
    radius_x: float
    radius_y: float


@dataclass(frozen=True, slots=True)
class Outlined:
    """A polygon: at least three points, in percent."""

    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Painted:
    """A brush mask as Label Studio's run-length code, of an image of `width` x `height` pixels."""

    rle: tuple[int, ...]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Pointed:
    """A key point in percent, and those that the thing does not hold; `at` is `None` without any."""

    at: Point | None
    avoided: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Typed:
    """Text of a prompt, as it was typed."""

    text: str


Shape: TypeAlias = Rectangular | Round | Outlined | Painted | Pointed | Typed


def shape_of(region: Json) -> Shape:
    """What one entry draws or says. Raises `BadRequest` for what is neither, and for what cannot be."""
    value: Json = region["value"]
    if region.get("type") == "textarea" and not value.keys() & {"x", "points", "rle"}:
        return _typed(value)
    if "rle" in value:
        return _painted(region, value)
    if "points" in value:
        return _outlined(value)
    if "radiusX" in value:
        return Round(*(_number(value, key) for key in ("x", "y", "radiusX", "radiusY")))
    if "height" in value:
        x, y, width, height = (_number(value, key) for key in ("x", "y", "width", "height"))
        rotation = _number(value, "rotation") if value.get("rotation") is not None else 0.0
        return Rectangular(x, y, width, height, rotation)
    if "x" in value and "y" in value:
        return pointed_by([region])
    raise BadRequest(
        "expected a region that was drawn with a smart tool, or the text of a prompt, got "
        f"{region.get('type')!r:.40} of {region.get('from_name')!r:.60}; remove smart from that tag"
    )


def pointed_by(drawn: Sequence[Json]) -> Pointed:
    """The last point that is positive, and all that are not."""
    points: dict[bool, list[Point]] = {True: [], False: []}
    for region in drawn:
        value = region["value"]
        if region.get("type") in ("keypoint", "keypointlabels"):
            points[region.get("is_positive") is not False].append(
                (_number(value, "x"), _number(value, "y"))
            )
    return Pointed(points[True][-1] if points[True] else None, tuple(dict.fromkeys(points[False])))


def _outlined(value: Json) -> Outlined:
    points = value["points"]
    pairs = points if isinstance(points, list) else []
    if len(pairs) < 3 or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise BadRequest(
            f"expected a polygon of at least three points, got {points!r:.80}; draw one more"
        )
    return Outlined(tuple((_finite(x, "points"), _finite(y, "points")) for x, y in pairs))


def _painted(region: Json, value: Json) -> Painted:
    rle, sides = value["rle"], [region.get(f"original_{side}") for side in ("width", "height")]
    if (
        not isinstance(rle, list)
        or len(rle) > MOST_RLE_BYTES
        or not all(isinstance(byte, int) and 0 <= byte <= 255 for byte in rle)
    ):
        raise BadRequest(
            f"expected a brush mask as at most {MOST_RLE_BYTES} bytes under rle, got {rle!r:.60}"
        )
    width, height = (
        side if isinstance(side, int) and 0 < side <= MOST_SIDE_PX else 0 for side in sides
    )
    if not (width and height):
        raise BadRequest(
            "expected original_width and original_height of a brush mask in pixels, at most "
            f"{MOST_SIDE_PX}, got {sides!r:.60}"
        )
    return Painted(tuple(rle), width, height)


def _typed(value: Json) -> Typed:
    text = value.get("text")
    texts = [text] if isinstance(text, str) else text
    if not isinstance(texts, list) or not texts or not isinstance(texts[-1], str):
        raise BadRequest(f"expected a list of texts of a prompt, got {text!r:.60}")
    return Typed(texts[-1])


def _number(value: Json, key: str) -> float:
    return _finite(value.get(key), key)


def _finite(number: object, what: str) -> float:
    if (
        isinstance(number, bool)
        or not isinstance(number, int | float)
        or abs(number) > 1e6
        or not math.isfinite(number)
    ):
        raise BadRequest(f"expected {what} of a region in percent of the image, got {number!r:.40}")
    return float(number)
