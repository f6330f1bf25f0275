"""Suggestions of what is there already, left out. Pure.

A region repeats another of the same tag and label when the boxes around them overlap by an IoU of more
than 0.9.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, TypeAlias

from backend.errors import BadRequest
from backend.interactive.gesture import Gesture, page_of
from backend.label_studio.bodies import Region, Task
from backend.prediction.read_regions import labels_of
from backend.prediction.region_shapes import Painted, Pointed, Typed, shape_of
from backend.prediction.shape_pixels import box_of, stroke_of
from models.boxes import iou
from models.types import Box, ImageSize, Point

__all__ = ["on_screen", "without_repeats"]

Json: TypeAlias = Mapping[str, Any]

MOST_IOU = 0.9
#: Half the side of the box that a key point stands for, in percent.
POINT = 0.5
#: Boxes are compared in percent: how much they overlap does not depend on the image's sides.
_PERCENT = ImageSize(100, 100)


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a region with a label lies, in percent of its image."""

    from_name: str
    to_name: str
    page: int
    label: str
    box: Box


def on_screen(gestures: Sequence[Gesture], context: Json, task: Task, version: str) -> list[Json]:
    """The regions that the person has before them, but for what they just drew.

    That is the last draft; without one the predictions of `version`. What cannot be read is passed over.
    """
    rows = task.drafts[-1:] or [row for row in task.predictions if row.model_version == version]
    results = chain(context["result"], *(row.result for row in rows))
    found = [one for one in results if isinstance(one, Mapping)]
    drawn = {gesture.region_id for gesture in gestures}
    return [one for one in found if one.get("id") not in drawn]


def without_repeats(suggested: Sequence[Region], there: Iterable[Json]) -> list[Region]:
    """The regions that repeat none of those that are there; what is per region goes with its region."""
    known = list(_marks(there))
    repeated = {
        region["id"]
        for region in suggested
        for mark in _marks([region])
        if any(_repeats(mark, other) for other in known)
    }
    return [region for region in suggested if region["id"] not in repeated]


def _marks(regions: Iterable[Json]) -> Iterator[_Mark]:
    for region in regions:
        if not isinstance(region.get("value"), Mapping):
            continue
        box = _box(region)
        if box is not None:
            names = str(region.get("from_name")), str(region.get("to_name"))
            yield from (_Mark(*names, page_of(region), label, box) for label in labels_of(region))


def _box(region: Json) -> Box | None:
    try:
        match shape := shape_of(region):
            case Typed():
                return None
            case Pointed(at=at):
                return None if at is None else _around(at)
            case Painted():
                return stroke_of(shape, _PERCENT).box
            case _:
                return box_of(shape, _PERCENT)
    except BadRequest:
        return None


def _around(point: Point) -> Box:
    x, y = point
    return Box(x - POINT, y - POINT, x + POINT, y + POINT)


def _repeats(one: _Mark, other: _Mark) -> bool:
    return replace(one, box=other.box) == other and iou(one.box, other.box) > MOST_IOU
