"""Percent and masks -> pixels of the upright image."""

from __future__ import annotations

import pytest

from backend.errors import BadRequest
from backend.prediction.brush_rle import encoded_runs, rle_of_outlines
from backend.prediction.region_shapes import Brush, Ellipse, Polygon, Rectangle
from backend.prediction.shape_pixels import box_of, outline_of, stroke_of
from models.types import Box, ImageSize
from tests.unit.interactive.contexts import SIZE


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        (Rectangle(10, 20, 30, 40), Box(20, 20, 80, 60)),
        (Rectangle(-10, -10, 30, 40), Box(0, 0, 40, 30)),
        (Ellipse(50, 50, 10, 20), Box(80, 30, 120, 70)),
        (Polygon(((10, 10), (30, 10), (20, 50))), Box(20, 10, 60, 50)),
    ],
)
def test_a_drawn_shape_has_a_box_on_the_image(
    shape: Rectangle | Ellipse | Polygon, box: Box
) -> None:
    assert box_of(shape, SIZE) == box


def test_a_turned_rectangle_is_turned_around_its_corner() -> None:
    """By 90 degrees clockwise, in pixels: of 200x100 pixels a percent is not as wide as it is high."""
    found = box_of(Rectangle(50, 50, 10, 10, rotation=90), SIZE)

    assert (found.x_min, found.y_min) == pytest.approx((90, 50))
    assert (found.x_max, found.y_max) == pytest.approx((100, 70))


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (Rectangle(10, 10, 0, 20), "with an area"),
        (Rectangle(10, 10, 20, 0), "with an area"),
        (Rectangle(101, 10, 20, 20), "outside of it"),
        (Rectangle(-30, 10, 20, 20), "outside of it"),
        (Polygon(((10, 10), (10, 50), (10, 70))), "with an area"),
    ],
)
def test_a_shape_without_place_is_refused(shape: Rectangle | Polygon, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        box_of(shape, SIZE)


def test_a_polygon_is_an_outline_as_the_models_give_it() -> None:
    (outline,) = outline_of(Polygon(((10, 10), (30, 10), (20, 50))), SIZE).items

    assert outline.polygon == ((20, 10), (60, 10), (40, 50))
    assert outline.score is None


def painted(*corners: tuple[float, float]) -> Brush:
    return Brush(tuple(rle_of_outlines([corners], SIZE)), SIZE)


def test_a_stroke_is_where_it_was_painted() -> None:
    stroke = stroke_of(painted((20, 10), (60, 10), (60, 30), (20, 30)), SIZE)

    assert stroke.box == Box(20, 10, 60, 30)
    assert stroke.share_inside(Box(20, 10, 40, 30)) == pytest.approx(0.5)
    assert stroke.share_inside(Box(0, 0, 200, 15)) == pytest.approx(0.25)
    assert stroke.share_inside(Box(100, 50, 120, 60)) == 0


def test_a_stroke_over_the_rim_goes_on_in_the_next_row() -> None:
    """A run of the code does: the last pixel of a row and the first of the next are neighbours."""
    code = encoded_runs([(198, 4)], SIZE)

    stroke = stroke_of(Brush(tuple(code), SIZE), SIZE)

    assert stroke.spans == ((0, 198, 200), (1, 0, 2))
    assert stroke.box == Box(0, 0, 200, 2)


def test_a_mask_of_another_size_is_brought_to_that_of_the_image() -> None:
    stroke = stroke_of(
        painted((20, 10), (60, 10), (60, 30), (20, 30)), ImageSize(2 * SIZE.width, 2 * SIZE.height)
    )

    assert stroke.box == Box(40, 20, 120, 60)
    assert stroke.share_inside(Box(40, 20, 120, 40)) == pytest.approx(0.5)


def test_the_outlines_of_a_stroke_paint_the_same_mask() -> None:
    corners = ((20, 10), (60, 12), (44, 33))
    drawn = painted(*corners)
    stroke = stroke_of(drawn, SIZE)

    outlines = [item.polygon or () for item in stroke.outlines.items]

    assert tuple(rle_of_outlines(outlines, SIZE)) == drawn.rle


@pytest.mark.parametrize(
    ("rle", "reason"),
    [
        ((1, 2, 3), "run-length code"),
        (tuple(encoded_runs([], SIZE)), "an empty one"),
        (tuple(encoded_runs([(0, 5)], ImageSize(10, 10))), "200x100 RGBA pixels"),
    ],
)
def test_a_mask_that_says_nothing_is_refused(rle: tuple[int, ...], reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        stroke_of(Brush(rle, SIZE), SIZE)
