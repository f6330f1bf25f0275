"""Geometry of boxes: Florence-2's location bins, clipping, overlap. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from models.types import Box, ImageSize, Point

__all__ = [
    "BINS",
    "bin_to_pixel",
    "box_from_bins",
    "box_to_bins",
    "clip",
    "enclosing",
    "grown",
    "inside_share",
    "intersection",
    "iou",
    "moved",
    "pixel_to_bin",
]

#: Location bins along each side of an image.
BINS = 1000


def bin_to_pixel(location: int, side: int) -> float:
    """Gives the centre of a bin in pixels, on a side of `side` pixels.

    Raises `ValueError` for a bin outside 0..999.

    >>> bin_to_pixel(0, 1000), bin_to_pixel(999, 500)
    (0.5, 499.75)
    """
    if not 0 <= location < BINS:
        raise ValueError(f"expected a location bin in 0..{BINS - 1}, got {location}")
    return (location + 0.5) * side / BINS


def pixel_to_bin(pixel: float, side: int) -> int:
    """Gives the bin that holds a pixel coordinate; coordinates off the image go to the nearest bin.

    >>> pixel_to_bin(250.0, 500), pixel_to_bin(-3.0, 500), pixel_to_bin(500.0, 500)
    (500, 0, 999)
    """
    return min(BINS - 1, max(0, int(pixel * BINS / side)))


def box_from_bins(bins: Sequence[int], size: ImageSize) -> Box:
    """Gives the box of four bins (x_min, y_min, x_max, y_max), each side at its bin's centre.

    Sides the wrong way round are swapped. Where both sides share a bin the box is that bin wide.

    Raises `ValueError` unless there are four bins in 0..999.

    >>> box_from_bins((100, 200, 300, 400), ImageSize(1000, 1000))
    Box(x_min=100.5, y_min=200.5, x_max=300.5, y_max=400.5)
    """
    if len(bins) != 4:
        raise ValueError(f"expected four location bins, got {len(bins)}")
    x_min, x_max = _extent(bins[0], bins[2], size.width)
    y_min, y_max = _extent(bins[1], bins[3], size.height)
    return Box(x_min, y_min, x_max, y_max)


def box_to_bins(box: Box, size: ImageSize) -> tuple[int, int, int, int]:
    """Gives the four bins (x_min, y_min, x_max, y_max) that hold the box's sides.

    >>> box_to_bins(Box(10, 20, 30, 40), ImageSize(100, 100))
    (100, 200, 300, 400)
    """
    return (
        pixel_to_bin(box.x_min, size.width),
        pixel_to_bin(box.y_min, size.height),
        pixel_to_bin(box.x_max, size.width),
        pixel_to_bin(box.y_max, size.height),
    )


def clip(box: Box, size: ImageSize) -> Box | None:
    """Gives the part of the box that lies on the image, or `None` if none does.

    >>> clip(Box(-5, 2, 8, 20), ImageSize(10, 10))
    Box(x_min=0.0, y_min=2, x_max=8, y_max=10.0)
    """
    x_min, x_max = max(0.0, box.x_min), min(float(size.width), box.x_max)
    y_min, y_max = max(0.0, box.y_min), min(float(size.height), box.y_max)
    if x_min >= x_max or y_min >= y_max:
        return None
    return Box(x_min, y_min, x_max, y_max)


def iou(one: Box, other: Box) -> float:
    """Gives intersection over union, 0..1.

    >>> iou(Box(0, 0, 10, 10), Box(5, 0, 15, 10))
    0.3333333333333333
    """
    shared = _shared_area(one, other)
    return shared / (one.area + other.area - shared)


def inside_share(inner: Box, outer: Box) -> float:
    """Gives the share of `inner` that lies in `outer`, 0..1.

    >>> inside_share(Box(0, 0, 10, 10), Box(5, 0, 50, 10))
    0.5
    """
    return _shared_area(inner, outer) / inner.area


def enclosing(points: Sequence[Point]) -> Box | None:
    """Gives the smallest box around the points, or `None` if they span no area.

    >>> enclosing([(1, 2), (5, 3), (4, 9)])
    Box(x_min=1, y_min=2, x_max=5, y_max=9)
    """
    if not points:
        return None
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if min(xs) >= max(xs) or min(ys) >= max(ys):
        return None
    return Box(min(xs), min(ys), max(xs), max(ys))


def intersection(one: Box, other: Box) -> Box | None:
    """Gives the part that two boxes share, or `None` if they share no area.

    >>> intersection(Box(0, 0, 10, 10), Box(5, 2, 15, 8))
    Box(x_min=5, y_min=2, x_max=10, y_max=8)
    """
    x_min, x_max = max(one.x_min, other.x_min), min(one.x_max, other.x_max)
    y_min, y_max = max(one.y_min, other.y_min), min(one.y_max, other.y_max)
    return Box(x_min, y_min, x_max, y_max) if x_min < x_max and y_min < y_max else None


def moved(box: Box, right: float, down: float) -> Box:
    """Gives the box shifted by so many pixels.

    >>> moved(Box(0, 0, 10, 20), 5, -1)
    Box(x_min=5, y_min=-1, x_max=15, y_max=19)
    """
    return Box(box.x_min + right, box.y_min + down, box.x_max + right, box.y_max + down)


def grown(box: Box, share: float) -> Box:
    """Gives the box with `share` of its width and height added, half on each side.

    >>> grown(Box(10, 10, 20, 30), 0.2)
    Box(x_min=9.0, y_min=8.0, x_max=21.0, y_max=32.0)
    """
    dx, dy = (box.x_max - box.x_min) * share / 2, (box.y_max - box.y_min) * share / 2
    return Box(box.x_min - dx, box.y_min - dy, box.x_max + dx, box.y_max + dy)


def _extent(one: int, other: int, side: int) -> tuple[float, float]:
    low, high = bin_to_pixel(min(one, other), side), bin_to_pixel(max(one, other), side)
    if low < high:
        return low, high
    return one * side / BINS, (one + 1) * side / BINS


def _shared_area(one: Box, other: Box) -> float:
    width = min(one.x_max, other.x_max) - max(one.x_min, other.x_min)
    height = min(one.y_max, other.y_max) - max(one.y_min, other.y_min)
    return max(0.0, width) * max(0.0, height)
