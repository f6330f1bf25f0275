"""What Label Studio's editor can open: each region checked before it leaves. Pure.

Covers what Label Studio's own check lets through: coordinates that leave the image, scores and numbers
that are none, masks that are no bytes, two regions with the same id and control.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from backend.errors import InvalidPrediction
from backend.label_studio.bodies import Region
from backend.prediction.geometry import PERCENT_DECIMALS
from backend.prediction.tag_values import VALUE_CHECKS
from backend.prediction.value_checks import Check, check_number, is_text, listed

__all__ = ["validate_regions"]

#: What rounding may add to a sum of two percents.
_SLACK = 2 * 10**-PERCENT_DECIMALS


def validate_regions(result: Sequence[Region]) -> None:
    """Raise `InvalidPrediction` for what would break the editor or be dropped by Label Studio."""
    seen: set[tuple[str, str]] = set()
    for region in result:
        where = f"region {region.get('id')!r} of {region.get('from_name')!r}"
        identity = (region["id"], region["from_name"])
        if identity in seen:
            raise InvalidPrediction(f"{where} appears twice")
        seen.add(identity)
        if "score" in region:
            check_number(region["score"], 0, 1, f"{where}: score")
        checks = _CHECKS.get(region["type"])
        if checks is None:
            raise InvalidPrediction(f"{where}: no check for type {region['type']!r}")
        value = region.get("value")
        if not isinstance(value, Mapping):
            raise InvalidPrediction(f"{where}: expected a value, got {value!r}")
        for check in checks:
            check(value, where)
        # What is per region repeats the region's geometry.
        for key, geometry in _GEOMETRY_BY_KEY.items():
            if key in value:
                geometry(value, where)


def _rectangle(value: Mapping[str, Any], where: str) -> None:
    for key in ("x", "y", "width", "height"):
        check_number(value.get(key), 0, 100, f"{where}: {key}")
    for start, length in (("x", "width"), ("y", "height")):
        if value[start] + value[length] > 100 + _SLACK:
            raise InvalidPrediction(f"{where}: {start} + {length} leaves the image")


def _ellipse(value: Mapping[str, Any], where: str) -> None:
    for key in ("x", "y", "radiusX", "radiusY"):
        check_number(value.get(key), 0, 100, f"{where}: {key}")
    for middle, radius in (("x", "radiusX"), ("y", "radiusY")):
        outermost = max(value[radius] - value[middle], value[middle] + value[radius] - 100)
        if outermost > _SLACK:
            raise InvalidPrediction(f"{where}: {radius} around {middle} leaves the image")


def _key_point(value: Mapping[str, Any], where: str) -> None:
    for key in ("x", "y", "width"):
        check_number(value.get(key), 0, 100, f"{where}: {key}")


def _polygon(value: Mapping[str, Any], where: str) -> None:
    points = value.get("points")
    if not isinstance(points, list) or len(points) < 3:
        raise InvalidPrediction(f"{where}: expected at least three points, got {points!r:.80}")
    for point in points:
        if not isinstance(point, list) or len(point) != 2:
            raise InvalidPrediction(f"{where}: expected points of x and y, got {point!r:.80}")
        for place in point:
            check_number(place, 0, 100, f"{where}: point")


def _mask(value: Mapping[str, Any], where: str) -> None:
    rle = value.get("rle")
    if value.get("format") != "rle" or not isinstance(rle, list) or not rle:
        raise InvalidPrediction(f"{where}: expected format rle and a list of bytes")
    for byte in rle:
        if isinstance(byte, bool) or not isinstance(byte, int) or not 0 <= byte <= 255:
            raise InvalidPrediction(f"{where}: expected bytes of 0..255, got {byte!r:.80}")


def _number(value: Mapping[str, Any], where: str) -> None:
    check_number(value.get("number"), -math.inf, math.inf, f"{where}: number")


_CHECKS: dict[str, tuple[Check, ...]] = {
    "rectangle": (_rectangle,),
    "rectanglelabels": (_rectangle, listed("rectanglelabels", is_text)),
    "ellipse": (_ellipse,),
    "ellipselabels": (_ellipse, listed("ellipselabels", is_text)),
    "keypoint": (_key_point,),
    "keypointlabels": (_key_point, listed("keypointlabels", is_text)),
    "polygon": (_polygon,),
    "polygonlabels": (_polygon, listed("polygonlabels", is_text)),
    "brush": (_mask,),
    "brushlabels": (_mask, listed("brushlabels", is_text)),
    "labels": (listed("labels", is_text),),
    "number": (_number,),
    **{kind: (check,) for kind, check in VALUE_CHECKS.items()},
}
#: By a key that only this geometry has.
_GEOMETRY_BY_KEY = {
    "height": _rectangle,
    "radiusX": _ellipse,
    "points": _polygon,
    "rle": _mask,
}
