"""Which detection a person meant."""

from __future__ import annotations

from backend.interactive.agreement import agreeing, holding, painted_over
from backend.prediction.brush_rle import rle_of_outlines
from backend.prediction.region_shapes import Brush
from backend.prediction.shape_pixels import stroke_of
from models.types import Box, Detection
from tests.unit.interactive.contexts import SIZE


def found(box: Box, score: float | None = 0.9) -> Detection:
    return Detection(box, "cat", score)


def test_the_detection_that_overlaps_best_is_meant() -> None:
    near, far = found(Box(10, 10, 50, 50), 0.2), found(Box(20, 20, 60, 60), 0.9)

    assert agreeing(Box(8, 8, 52, 52), [far, near]) == near


def test_of_those_that_overlap_alike_the_surest_is_meant() -> None:
    one, other = found(Box(10, 10, 50, 50), 0.4), found(Box(10, 11, 50, 50), 0.8)

    assert agreeing(Box(8, 8, 52, 52), [one, other]) == other


def test_a_rectangle_around_something_else_means_none() -> None:
    """IoU 0.29 is not enough, 0.3 is."""
    assert agreeing(Box(0, 0, 100, 40), [found(Box(0, 0, 29, 40))]) is None
    assert agreeing(Box(0, 0, 100, 40), [found(Box(0, 0, 30, 40))]) is not None


def test_a_point_means_the_smallest_thing_around_it() -> None:
    large, small = found(Box(0, 0, 100, 100)), found(Box(40, 40, 60, 60), 0.1)

    assert holding((50, 50), [], [large, small]) == small
    assert holding((10, 10), [], [large, small]) == large
    assert holding((150, 50), [], [large, small]) is None


def test_a_thing_that_nobody_is_sure_of_is_not_meant() -> None:
    """Else every point would find the likeliest of nothings."""
    assert holding((5, 5), [], [found(Box(0, 0, 10, 10), 0.09)]) is None
    assert holding((5, 5), [], [found(Box(0, 0, 10, 10), None)]) is None


def test_a_thing_with_a_point_to_avoid_is_not_meant() -> None:
    large, small = found(Box(0, 0, 100, 100)), found(Box(40, 40, 60, 60))

    assert holding((50, 50), [(45, 45)], [large, small]) is None
    assert holding((50, 50), [(70, 70)], [large, small]) == small


def test_strokes_mean_the_smallest_thing_that_holds_most_of_them() -> None:
    corners = [(20, 20), (30, 20), (30, 30), (20, 30)]
    drawn = Brush(tuple(rle_of_outlines([corners], SIZE)), SIZE)
    stroke = stroke_of(drawn, SIZE)
    most, half = found(Box(22, 10, 60, 60)), found(Box(25, 20, 30, 30))

    assert painted_over(stroke, [found(Box(0, 0, 200, 100)), most, half]) == most
    assert painted_over(stroke, [half]) is None
