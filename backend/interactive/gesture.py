"""`params.context` of an interactive request -> what the person just drew, pointed at or typed. Pure.

Label Studio sends the regions that were drawn with the same smart tag and label and whose suggestions
are not yet accepted, the new one last, in percent of the image. It shows the new suggestions in place of
those before, and on accepting removes all that was drawn: so each of them is asked about, again. Key
points are one gesture together: those with `is_positive: false` point at what it is not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from backend.errors import BadRequest
from models.types import Point

__all__ = [
    "Gesture",
    "Outlined",
    "Painted",
    "Pointed",
    "Rectangular",
    "Round",
    "Typed",
    "gestures_of",
    "labels_of",
    "shape_of",
]

Json: TypeAlias = Mapping[str, Any]

#: Regions that are asked about at once.
MOST_GESTURES = 20


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


@dataclass(frozen=True, slots=True)
class Gesture:
    """`labels` are those the person chose before drawing; empty: none."""

    region_id: str
    from_name: str
    to_name: str
    shape: Shape
    labels: tuple[str, ...] = ()


def gestures_of(context: Json) -> tuple[Gesture, ...]:
    """What was drawn with the tag of the last region that is no prediction's, the new one last.

    Empty where nothing is left of it; at most the last 20. Raises `BadRequest` for a context that Label
    Studio does not send, or a new region that cannot be; an older one of that kind is passed over.
    """
    regions = _regions_of(context)
    drawn = [one for one in regions if not str(one.get("origin", "")).startswith("prediction")]
    by_id: dict[str, list[Json]] = {}
    for one in drawn:
        by_id.setdefault(str(one.get("id")), []).append(one)
    if not by_id:
        return ()
    *older, new = (_main_entry(entries) for entries in by_id.values())
    last = _gesture(new, by_id[str(new.get("id"))])
    same_tag = [one for one in older if one.get("from_name") == new.get("from_name")]
    if isinstance(last.shape, Pointed):
        return (replace(last, shape=_pointed([*same_tag, new])),)
    if isinstance(last.shape, Typed):
        return (last,)
    found = []
    for one in same_tag[1 - MOST_GESTURES :]:
        with suppress(BadRequest):
            found.append(_gesture(one, by_id[str(one.get("id"))]))
    return (*(one for one in found if not isinstance(one.shape, Pointed | Typed)), last)


def _main_entry(entries: Sequence[Json]) -> Json:
    """The entry of a region that says most: what is per region comes after its shape and labels."""
    return next((one for one in entries if labels_of(one)), entries[0])


def _gesture(region: Json, entries: Sequence[Json]) -> Gesture:
    if region.get("image_rotation") not in (None, 0):
        raise BadRequest(
            "expected an image that is not turned, got image_rotation "
            f"{region['image_rotation']!r:.20}; turn it back to use smart tools"
        )
    return Gesture(
        region_id=_name(region, "id"),
        from_name=_name(region, "from_name"),
        to_name=_name(region, "to_name"),
        shape=shape_of(region),
        labels=tuple(dict.fromkeys(label for one in entries for label in labels_of(one))),
    )


def _regions_of(context: Json) -> list[Json]:
    """The regions of a context. Raises `BadRequest` where it has none to be read."""
    result = context.get("result")
    if not isinstance(result, list):
        raise BadRequest(
            "expected params.context with a list of regions under result, "
            f"got {type(result).__name__}"
        )
    for region in result:
        if not isinstance(region, Mapping) or not isinstance(region.get("value"), Mapping):
            raise BadRequest(f"expected regions with a value in params.context, got {region!r:.80}")
    return result


def labels_of(region: Json) -> tuple[str, ...]:
    """The labels that one entry carries; none where it is another kind of entry."""
    kind = str(region.get("type", ""))
    found = region["value"].get(kind) if kind.endswith("labels") else None
    if not isinstance(found, list):
        return ()
    return tuple(label for label in found if isinstance(label, str))


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
        return _pointed([region])
    raise BadRequest(
        "expected a region that was drawn with a smart tool, or the text of a prompt, got "
        f"{region.get('type')!r:.40} of {region.get('from_name')!r:.60}; remove smart from that tag"
    )


def _pointed(drawn: Sequence[Json]) -> Pointed:
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
    if not isinstance(rle, list) or not all(
        isinstance(byte, int) and 0 <= byte <= 255 for byte in rle
    ):
        raise BadRequest(f"expected a brush mask as bytes under rle, got {rle!r:.60}")
    width, height = (side if isinstance(side, int) and side > 0 else 0 for side in sides)
    if not (width and height):
        raise BadRequest(
            f"expected original_width and original_height of a brush mask in pixels, got {sides!r:.60}"
        )
    return Painted(tuple(rle), width, height)


def _typed(value: Json) -> Typed:
    text = value.get("text")
    texts = [text] if isinstance(text, str) else text
    if not isinstance(texts, list) or not texts or not isinstance(texts[-1], str):
        raise BadRequest(f"expected a list of texts of a prompt, got {text!r:.60}")
    return Typed(texts[-1])


def _name(region: Json, key: str) -> str:
    name = region.get(key)
    if not isinstance(name, str) or not name:
        raise BadRequest(f"expected a region with {key} in params.context, got {name!r:.60}")
    return name


def _number(value: Json, key: str) -> float:
    return _finite(value.get(key), key)


def _finite(number: object, what: str) -> float:
    if (
        isinstance(number, bool)
        or not isinstance(number, int | float)
        or not math.isfinite(number)
        or abs(number) > 1e6
    ):
        raise BadRequest(f"expected {what} of a region in percent of the image, got {number!r:.40}")
    return float(number)
