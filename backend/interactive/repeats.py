"""Suggestions of what is there already, left out. Pure.

A region repeats another of the same tag and label when the boxes around them overlap by an IoU of more
than 0.9.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from backend.errors import BadRequest
from backend.interactive.gesture import Gesture
from backend.label_studio.bodies import Region, Task
from backend.prediction.read_regions import ReadRegion, read_regions
from backend.prediction.region_shapes import KeyPoint
from backend.prediction.shape_pixels import box_of
from models.boxes import iou
from models.types import Box, ImageSize

__all__ = ["on_screen", "without_repeats"]

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


def on_screen(
    gestures: Sequence[Gesture], context: Mapping[str, Any], task: Task, version: str
) -> list[ReadRegion]:
    """The regions that the person has before them, but for what they just drew.

    That is the last draft; without one the predictions of `version`. What cannot be read is passed over.
    """
    rows = task.drafts[-1:] or [row for row in task.predictions if row.model_version == version]
    results = chain(context["result"], *(row.result or () for row in rows))
    drawn = {gesture.region_id for gesture in gestures}
    return [region for region in read_regions(results) if region.id not in drawn]


def without_repeats(suggested: Sequence[Region], there: Iterable[ReadRegion]) -> list[Region]:
    """The regions that repeat none of those that are there; what is per region goes with its region."""
    known = [mark for region in there for mark in _marks(region)]
    repeated = {
        region.id
        for region in read_regions(suggested)
        for mark in _marks(region)
        if any(_repeats(mark, other) for other in known)
    }
    return [region for region in suggested if region["id"] not in repeated]


def _marks(region: ReadRegion) -> Iterator[_Mark]:
    box = _box(region) if region.labels else None
    if box is not None:
        names = region.from_name, region.to_name
        yield from (_Mark(*names, region.page, label, box) for label in region.labels)


def _box(region: ReadRegion) -> Box | None:
    try:
        shape = region.shape
        if isinstance(shape, KeyPoint):
            x, y = shape.at
            return Box(x - POINT, y - POINT, x + POINT, y + POINT)
        return None if shape is None else box_of(shape, _PERCENT)
    except BadRequest:
        return None


def _repeats(one: _Mark, other: _Mark) -> bool:
    return replace(one, box=other.box) == other and iou(one.box, other.box) > MOST_IOU
