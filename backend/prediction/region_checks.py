"""What Label Studio's editor can open: each region checked before it leaves. Pure.

Covers what Label Studio's own check lets through: coordinates that leave the image, scores and numbers
that are none, masks that are no bytes, two regions with the same id and control.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backend.errors import InvalidPrediction
from backend.label_studio.bodies import Region
from backend.prediction.geometry import PERCENT_DECIMALS

__all__ = ["validate_regions"]

#: What rounding may add to a sum of two percents.
_SLACK = 2 * 10**-PERCENT_DECIMALS
_HALF = re.compile("[\ud800-\udfff]")


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
            _check_number(region["score"], 0, 1, f"{where}: score")
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
        _check_number(value.get(key), 0, 100, f"{where}: {key}")
    for start, length in (("x", "width"), ("y", "height")):
        if value[start] + value[length] > 100 + _SLACK:
            raise InvalidPrediction(f"{where}: {start} + {length} leaves the image")


def _ellipse(value: Mapping[str, Any], where: str) -> None:
    for key in ("x", "y", "radiusX", "radiusY"):
        _check_number(value.get(key), 0, 100, f"{where}: {key}")
    for middle, radius in (("x", "radiusX"), ("y", "radiusY")):
        outermost = max(value[radius] - value[middle], value[middle] + value[radius] - 100)
        if outermost > _SLACK:
            raise InvalidPrediction(f"{where}: {radius} around {middle} leaves the image")


def _key_point(value: Mapping[str, Any], where: str) -> None:
    for key in ("x", "y", "width"):
        _check_number(value.get(key), 0, 100, f"{where}: {key}")


def _polygon(value: Mapping[str, Any], where: str) -> None:
    points = value.get("points")
    if not isinstance(points, list) or len(points) < 3:
        raise InvalidPrediction(f"{where}: expected at least three points, got {points!r:.80}")
    for point in points:
        if not isinstance(point, list) or len(point) != 2:
            raise InvalidPrediction(f"{where}: expected points of x and y, got {point!r:.80}")
        for place in point:
            _check_number(place, 0, 100, f"{where}: point")


def _mask(value: Mapping[str, Any], where: str) -> None:
    rle = value.get("rle")
    if value.get("format") != "rle" or not isinstance(rle, list) or not rle:
        raise InvalidPrediction(f"{where}: expected format rle and a list of bytes")
    for byte in rle:
        if isinstance(byte, bool) or not isinstance(byte, int) or not 0 <= byte <= 255:
            raise InvalidPrediction(f"{where}: expected bytes of 0..255, got {byte!r:.80}")


def _labels(key: str) -> Callable[[Mapping[str, Any], str], None]:
    def check(value: Mapping[str, Any], where: str) -> None:
        found = value.get(key)
        if not (isinstance(found, list) and found and all(_is_text(each) for each in found)):
            raise InvalidPrediction(f"{where}: expected a list of {key}, got {found!r:.80}")

    return check


def _choices(value: Mapping[str, Any], where: str) -> None:
    found = value.get("choices")
    if not (isinstance(found, list) and found and all(_is_text(c) or _is_path(c) for c in found)):
        raise InvalidPrediction(f"{where}: expected a list of choices, got {found!r:.80}")


def _taxonomy(value: Mapping[str, Any], where: str) -> None:
    found = value.get("taxonomy")
    if not (isinstance(found, list) and found and all(_is_path(path) for path in found)):
        raise InvalidPrediction(f"{where}: expected a list of paths, got {found!r:.80}")


def _number(value: Mapping[str, Any], where: str) -> None:
    _check_number(value.get("number"), -math.inf, math.inf, f"{where}: number")


def _is_text(value: object) -> bool:
    """Half a character in a row would make its task one that Label Studio cannot list any more."""
    return isinstance(value, str) and bool(value) and _HALF.search(value) is None


def _is_path(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_text(each) for each in value)


def _check_number(number: object, least: float, most: float, what: str) -> None:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise InvalidPrediction(f"{what}: expected a number, got {number!r:.80}")
    if not (math.isfinite(number) and least <= number <= most):
        raise InvalidPrediction(f"{what}: expected {least}..{most}, got {number}")


_CHECKS: dict[str, tuple[Callable[[Mapping[str, Any], str], None], ...]] = {
    "rectangle": (_rectangle,),
    "rectanglelabels": (_rectangle, _labels("rectanglelabels")),
    "ellipse": (_ellipse,),
    "ellipselabels": (_ellipse, _labels("ellipselabels")),
    "keypoint": (_key_point,),
    "keypointlabels": (_key_point, _labels("keypointlabels")),
    "polygon": (_polygon,),
    "polygonlabels": (_polygon, _labels("polygonlabels")),
    "brush": (_mask,),
    "brushlabels": (_mask, _labels("brushlabels")),
    "labels": (_labels("labels"),),
    "choices": (_choices,),
    "taxonomy": (_taxonomy,),
    "textarea": (_labels("text"),),
    "number": (_number,),
}
#: By a key that only this geometry has.
_GEOMETRY_BY_KEY = {
    "height": _rectangle,
    "radiusX": _ellipse,
    "points": _polygon,
    "rle": _mask,
}
