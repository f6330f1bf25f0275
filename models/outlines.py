"""Outlines of things: their area, and whether they fit the box that they were asked of. Pure functions.

Points are xy pixels of the upright image; an outline is closed implicitly.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.boxes import enclosing, grown, inside_share, iou
from models.types import Box, Detections, Point

__all__ = ["area", "fitting"]

#: An outline's parts may reach out of the box by so much of its size, half on each side.
_GROWTH = 0.2
#: Share of a part's own box that must lie in there.
_INSIDE = 0.5
#: Least overlap (IoU) of the box asked of and the box around all parts: an outline of something else in
#: the box is worse than none.
_LEAST_IOU = 0.3


def area(points: Sequence[Point]) -> float:
    """Gives the area in square pixels that the outline holds (parts crossed twice cancel out).

    >>> area([(0, 0), (4, 0), (4, 3)])
    6.0
    """
    nexts = [*points[1:], *points[:1]]
    doubled = sum(
        x * y_next - x_next * y for (x, y), (x_next, y_next) in zip(points, nexts, strict=True)
    )
    return abs(doubled) / 2


def fitting(box: Box, outlines: Detections) -> Detections:
    """Gives the outlines that outline what the box holds, largest first; none where they do not.

    Of what a model writes for a region, parts without area and parts elsewhere are dropped. Where the
    rest together covers another place than the box, nothing is left.
    """
    around = grown(box, _GROWTH)
    parts = [
        part
        for part in outlines.items
        if part.polygon is not None
        and area(part.polygon) > 0
        and inside_share(part.box, around) >= _INSIDE
    ]
    parts.sort(key=lambda part: area(part.polygon or ()), reverse=True)
    whole = enclosing([point for part in parts for point in part.polygon or ()])
    if whole is None or iou(whole, box) < _LEAST_IOU:
        return Detections((), outlines.truncated)
    return Detections(tuple(parts), outlines.truncated)
