"""Which detection a person meant. Pure.

| was drawn | meant is |
| --- | --- |
| a rectangle, ellipse, polygon | of the detections that overlap with it by an IoU of at least 0.3, the one that overlaps best; of those that overlap alike (in the same tenth), the surest |
| a key point | the smallest sure detection that holds it, and none of the points to avoid |
| brush strokes | the smallest sure detection that holds at least 80 % of the painted pixels |

Sure is a score of at least 0.1: less than a threshold asks for, since a person says that there is something.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backend.prediction.shape_pixels import Stroke
from models.boxes import iou
from models.types import Box, Detection, Point

__all__ = ["agreeing", "holding", "painted_over"]

LEAST_IOU = 0.3
LEAST_SCORE = 0.1
LEAST_SHARE = 0.8


def agreeing(drawn: Box, found: Iterable[Detection]) -> Detection | None:
    """The detection that a drawn box means; `None` where none agrees with it.

    >>> near = Detection(Box(0, 0, 10, 10), "cat", 0.2)
    >>> agreeing(Box(0, 0, 10, 12), [Detection(Box(0, 0, 10, 40), "cat", 0.9), near]) == near
    True
    """
    near = [each for each in found if iou(drawn, each.box) >= LEAST_IOU]
    return max(
        near,
        key=lambda each: (int(10 * iou(drawn, each.box)), each.score or 0.0),
        default=None,
    )


def holding(at: Point, avoided: Sequence[Point], found: Iterable[Detection]) -> Detection | None:
    """The detection that a point means; points in pixels.

    >>> large, small = (Detection(Box(0, 0, side, side), "cat", 0.9) for side in (50, 20))
    >>> holding((5, 5), [], [large, small]) == small, holding((5, 5), [(1, 1)], [large, small])
    (True, None)
    """
    return _smallest(
        each
        for each in found
        if _holds(each.box, at) and not any(_holds(each.box, point) for point in avoided)
    )


def painted_over(stroke: Stroke, found: Iterable[Detection]) -> Detection | None:
    """The detection that brush strokes mean."""
    return _smallest(each for each in found if stroke.share_inside(each.box) >= LEAST_SHARE)


def _smallest(found: Iterable[Detection]) -> Detection | None:
    sure = (each for each in found if (each.score or 0.0) >= LEAST_SCORE)
    return min(sure, key=lambda each: each.box.area, default=None)


def _holds(box: Box, point: Point) -> bool:
    x, y = point
    return box.x_min <= x <= box.x_max and box.y_min <= y <= box.y_max
