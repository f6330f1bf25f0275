"""What is drawn for a detection -> the geometry of a region's `value`, in percent of the image. Pure.

Pixels are of the upright image, percent is of its width and height, clipped to 0..100.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, assert_never

from backend.label_config.control_tags import Shape
from backend.prediction.brush_rle import rle_of_outlines
from models.types import Box, Detection, Detections, ImageSize, Point

__all__ = ["PERCENT_DECIMALS", "geometry_of"]

Geometry: TypeAlias = dict[str, Any]

#: Percent with four decimals: a hundredth of a pixel on an image 10,000 pixels wide.
PERCENT_DECIMALS = 4
#: Diameter of a key point as drawn, in percent of the image's width.
KEY_POINT_WIDTH = 0.5


def geometry_of(
    shape: Shape, detection: Detection, outlines: Detections | None, size: ImageSize
) -> Geometry | None:
    """The geometry of one region; `None` where there is nothing to draw.

    A box outside of the image is nothing, and so is an outline that the model did not give: a shape is
    never made up from the box for it. A polygon is the largest outline, a brush paints them all.
    """
    rectangle = _rectangle(detection.box, size)
    if rectangle is None:
        return None
    found = [each.polygon for each in outlines.items if each.polygon] if outlines else []
    match shape:
        case Shape.RECTANGLE:
            return rectangle
        case Shape.ELLIPSE:
            return _ellipse(rectangle)
        case Shape.KEY_POINT:
            middle = _ellipse(rectangle)
            return {"x": middle["x"], "y": middle["y"], "width": KEY_POINT_WIDTH}
        case Shape.POLYGON:
            return _polygon(found[0], size) if found else None
        case Shape.BRUSH:
            rle = rle_of_outlines(found, size)
            return {"format": "rle", "rle": rle} if rle else None
        case _:
            assert_never(shape)


def _rectangle(box: Box, size: ImageSize) -> Geometry | None:
    """x, y, width, height in percent of the image; `None` for a box that lies outside it."""
    left, right = (_percent(x, size.width) for x in (box.x_min, box.x_max))
    top, bottom = (_percent(y, size.height) for y in (box.y_min, box.y_max))
    width, height = (round(side, PERCENT_DECIMALS) for side in (right - left, bottom - top))
    if width <= 0 or height <= 0:
        return None
    return {"x": left, "y": top, "width": width, "height": height, "rotation": 0}


def _ellipse(rectangle: Geometry) -> Geometry:
    """The ellipse that fills a rectangle: x and y are its middle."""
    radius_x, radius_y = (rectangle[side] / 2 for side in ("width", "height"))
    return {
        "x": round(rectangle["x"] + radius_x, PERCENT_DECIMALS),
        "y": round(rectangle["y"] + radius_y, PERCENT_DECIMALS),
        "radiusX": round(radius_x, PERCENT_DECIMALS),
        "radiusY": round(radius_y, PERCENT_DECIMALS),
        "rotation": 0,
    }


def _polygon(points: Sequence[Point], size: ImageSize) -> Geometry | None:
    """The points without repeats; `None` for fewer than three."""
    percent = [[_percent(x, size.width), _percent(y, size.height)] for x, y in points]
    kept = [point for i, point in enumerate(percent) if point != percent[i - 1]]
    return {"points": kept, "closed": True} if len(kept) >= 3 else None


def _percent(pixel: float, side: int) -> float:
    return round(min(100.0, max(0.0, 100 * pixel / side)), PERCENT_DECIMALS)
