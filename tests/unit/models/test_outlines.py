"""Outlines of a region: which are kept."""

from __future__ import annotations

import pytest

from models.outlines import area, fitting
from models.types import Box, Detection, Detections, Point

BOX = Box(100, 100, 200, 200)
SQUARE: tuple[Point, ...] = ((105, 105), (195, 105), (195, 195), (105, 195))


def outline(*points: Point) -> Detection:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Detection(Box(min(xs), min(ys), max(xs), max(ys)), "", 0.5, polygon=points)


def test_the_area_does_not_depend_on_the_direction() -> None:
    assert area(SQUARE) == area(SQUARE[::-1]) == 90 * 90


def test_an_outline_of_the_box_is_kept() -> None:
    found = Detections((outline(*SQUARE),))

    assert fitting(BOX, found) == found


def test_parts_come_largest_first() -> None:
    """A thing that something stands in front of has several outlines."""
    small = outline((110, 110), (130, 110), (130, 190), (110, 190))
    large = outline((140, 105), (198, 105), (198, 195), (140, 195))

    assert fitting(BOX, Detections((small, large))).items == (large, small)


@pytest.mark.parametrize(
    "points",
    [
        ((300, 300), (400, 300), (400, 400)),  # elsewhere
        ((0, 0), (900, 0), (900, 900), (0, 900)),  # the whole image
        ((150, 150), (160, 150), (160, 160)),  # a spot in the box
        ((100, 100), (150, 150), (200, 200)),  # a line: no area
    ],
)
def test_what_does_not_outline_the_box_is_dropped(points: tuple[Point, ...]) -> None:
    """A wrong outline costs the annotator more than none."""
    assert fitting(BOX, Detections((outline(*points),))).items == ()


def test_a_part_elsewhere_does_not_spoil_the_rest() -> None:
    good, stray = outline(*SQUARE), outline((400, 400), (420, 400), (420, 430))

    assert fitting(BOX, Detections((stray, good), truncated=True)) == Detections((good,), True)
