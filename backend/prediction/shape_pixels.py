"""Shapes, in percent or as a mask -> pixels of the upright image. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from backend.errors import BadRequest
from backend.prediction.brush_mask import painted_runs
from backend.prediction.region_shapes import Brush, Ellipse, KeyPoint, Polygon, Rectangle, Shape
from models.boxes import clip, enclosing
from models.types import Box, Detection, Detections, ImageSize, Point

__all__ = ["Stroke", "box_of", "corners_of", "in_pixels", "outline_of", "stroke_of"]


@dataclass(frozen=True, slots=True)
class Stroke:
    """Painted pixels as spans (row, first column, column behind the last), in pixels of the image."""

    spans: tuple[tuple[float, float, float], ...]
    row_height: float
    box: Box

    @property
    def outlines(self) -> Detections:
        """The spans as outlines, which together cover what was painted."""
        return Detections(
            tuple(
                Detection(
                    Box(first, row, last, row + self.row_height),
                    "",
                    None,
                    polygon=(
                        (first, row),
                        (last, row),
                        (last, row + self.row_height),
                        (first, row + self.row_height),
                    ),
                )
                for row, first, last in self.spans
            )
        )

    def share_inside(self, box: Box) -> float:
        """The share of the painted pixels that a box holds, 0..1."""
        inside = math.fsum(
            max(0.0, min(last, box.x_max) - max(first, box.x_min))
            for row, first, last in self.spans
            if box.y_min <= row + self.row_height / 2 <= box.y_max
        )
        return inside / math.fsum(last - first for _, first, last in self.spans)


def box_of(shape: Shape, size: ImageSize) -> Box:
    """The smallest box around a shape, cut to the image.

    Raises `BadRequest` for a shape without area, or outside of the image, or a mask that cannot be read.

    >>> box_of(Rectangle(50, 25, 100, 25), ImageSize(200, 100))
    Box(x_min=100.0, y_min=25.0, x_max=200.0, y_max=50.0)
    """
    if isinstance(shape, Brush):
        return stroke_of(shape, size).box
    return _on_image(corners_of(shape, size), size)


def corners_of(shape: Rectangle | Ellipse | Polygon | KeyPoint, size: ImageSize) -> list[Point]:
    """The corners of a shape in pixels, clockwise; of an ellipse those of the rectangle around it."""
    match shape:
        case Rectangle():
            return _turned(shape, size)
        case Ellipse(x=x, y=y, radius_x=across, radius_y=down):
            return _turned(Rectangle(x - across, y - down, 2 * across, 2 * down), size)
        case Polygon(points=points):
            return [in_pixels(point, size) for point in points]
        case KeyPoint(at=at):
            return [in_pixels(at, size)]


def stroke_of(brush: Brush, size: ImageSize) -> Stroke:
    """The pixels that were painted. Raises `BadRequest` for a mask that cannot be read, or is empty."""
    try:
        runs = painted_runs(brush.rle, brush.size)
    except ValueError as error:
        raise BadRequest(
            f"expected a brush mask in Label Studio's run-length code: {error}"
        ) from error
    if not runs:
        raise BadRequest("expected a brush mask with painted pixels, got an empty one; paint again")
    # The editor may know the image in another size than the one we decoded.
    across, down = size.width / brush.size.width, size.height / brush.size.height
    spans = [
        (row * down, first * across, last * across)
        for run in runs
        for row, first, last in _rows(run, brush.size.width)
    ]
    corners = [(x, y) for row, first, last in spans for x, y in ((first, row), (last, row + down))]
    return Stroke(tuple(spans), down, _on_image(corners, size))


def outline_of(polygon: Polygon, size: ImageSize) -> Detections:
    """A polygon as the models give outlines."""
    points = tuple(corners_of(polygon, size))
    return Detections((Detection(box_of(polygon, size), "", None, polygon=points),))


def in_pixels(point: Point, size: ImageSize) -> Point:
    """A point given in percent."""
    x, y = point
    return x * size.width / 100, y * size.height / 100


def _turned(shape: Rectangle, size: ImageSize) -> list[Point]:
    """The corners of a rectangle that may be turned: clockwise, around its first corner, in pixels."""
    left, top = in_pixels((shape.x, shape.y), size)
    width, height = in_pixels((shape.width, shape.height), size)
    angle = math.radians(shape.rotation)
    cos, sin = math.cos(angle), math.sin(angle)
    return [
        (left + x * cos - y * sin, top + x * sin + y * cos)
        for x, y in ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    ]


def _on_image(points: Sequence[Point], size: ImageSize) -> Box:
    box = enclosing(points)
    if box is None:
        raise BadRequest("expected a region with an area, got one without; draw it larger")
    inside = clip(box, size)
    if inside is None:
        raise BadRequest(
            f"expected a region on the image of {size.width}x{size.height} pixels, got one outside of it"
        )
    return inside


def _rows(run: tuple[int, int], width: int) -> list[tuple[int, int, int]]:
    """A run of pixels as (row, first column, column behind the last); it may go over several rows."""
    at, after = run[0], sum(run)
    rows = []
    while at < after:
        row, first = divmod(at, width)
        last = min(width, first + after - at)
        rows.append((row, first, last))
        at += last - first
    return rows
