"""Bins to pixels and back, clipping and overlap."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.boxes import (
    BINS,
    bin_to_pixel,
    box_from_bins,
    box_to_bins,
    clip,
    enclosing,
    grown,
    inside_share,
    iou,
    pixel_to_bin,
)
from models.types import Box, ImageSize

SIDES = st.integers(1, 20_000)
PLACES = st.integers(0, BINS - 1)


@given(PLACES, SIDES)
def test_a_bin_comes_back_from_its_own_centre(location: int, side: int) -> None:
    assert pixel_to_bin(bin_to_pixel(location, side), side) == location


@given(st.floats(0, 1), SIDES)
def test_a_pixel_comes_back_within_half_a_bin(share: float, side: int) -> None:
    pixel = share * side

    assert abs(bin_to_pixel(pixel_to_bin(pixel, side), side) - pixel) <= side / BINS / 2 + 1e-6


@given(st.tuples(PLACES, PLACES, PLACES, PLACES), SIDES, SIDES)
def test_any_four_bins_make_a_box_on_the_image(
    bins: tuple[int, int, int, int], width: int, height: int
) -> None:
    box = box_from_bins(bins, ImageSize(width, height))

    assert 0 <= box.x_min < box.x_max <= width
    assert 0 <= box.y_min < box.y_max <= height


@given(st.tuples(PLACES, PLACES, PLACES, PLACES), SIDES, SIDES)
def test_a_box_in_order_comes_back_as_the_bins_it_was_made_of(
    bins: tuple[int, int, int, int], width: int, height: int
) -> None:
    x0, y0, x1, y1 = min(bins[0::2]), min(bins[1::2]), max(bins[0::2]), max(bins[1::2])
    if x0 == x1 or y0 == y1:
        return

    size = ImageSize(width, height)

    assert box_to_bins(box_from_bins((x0, y0, x1, y1), size), size) == (x0, y0, x1, y1)


def test_the_sides_of_a_box_lie_at_the_centres_of_their_bins() -> None:
    box = box_from_bins((100, 200, 300, 400), ImageSize(640, 480))

    assert box == Box(64.32, 96.24, 192.32, 192.24)


def test_sides_in_one_bin_make_a_box_one_bin_wide() -> None:
    box = box_from_bins((500, 10, 500, 20), ImageSize(1000, 1000))

    assert (box.x_min, box.x_max) == (500, 501)


@pytest.mark.parametrize("bins", [(1, 2, 3), (1, 2, 3, 1000), (-1, 2, 3, 4)])
def test_what_are_not_four_bins_is_refused(bins: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        box_from_bins(bins, ImageSize(10, 10))


def test_a_box_off_the_image_is_clipped_to_nothing() -> None:
    assert clip(Box(-20, -20, -1, -1), ImageSize(10, 10)) is None
    assert clip(Box(-5, 2, 80, 5), ImageSize(10, 10)) == Box(0, 2, 10, 5)


BOXES = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    *[st.floats(0, 1000)] * 2,
    *[st.floats(0.5, 500)] * 2,
)


@given(BOXES, BOXES)
def test_overlap_is_the_same_from_both_sides_and_whole_with_itself(one: Box, other: Box) -> None:
    assert iou(one, other) == pytest.approx(iou(other, one))
    assert 0 <= iou(one, other) <= 1
    assert iou(one, one) == pytest.approx(1)


@given(BOXES, st.floats(0, 2))
def test_a_grown_box_holds_the_box(box: Box, share: float) -> None:
    assert inside_share(box, grown(box, share)) == pytest.approx(1)


def test_points_without_area_enclose_nothing() -> None:
    assert enclosing([]) is None
    assert enclosing([(1, 1), (5, 1)]) is None
    assert math.isclose(enclosing([(0, 0), (2, 1)]).area, 2)  # type: ignore[union-attr]
