"""Detections -> geometry in percent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.label_config.control_tags import Shape
from backend.prediction.geometry import geometry_of
from backend.prediction.region_checks import validate_regions
from models.types import Box, Detection, Detections, ImageSize, Point
from tests.unit.prediction.answers import found, outline
from tests.unit.prediction.test_brush_rle import STAR, filled, overlap

SIZE = ImageSize(400, 300)
places = st.tuples(st.floats(-100, 600), st.floats(-100, 600))


@given(st.lists(places, min_size=3, max_size=8), st.sampled_from(list(Shape)))
def test_whatever_is_drawn_can_be_opened(points: list[Point], shape: Shape) -> None:
    """Points off the image, twice the same or on a line: valid geometry, or none."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if min(xs) == max(xs) or min(ys) == max(ys):
        return
    detection = found("a", 0.5, Box(min(xs), min(ys), max(xs), max(ys)))

    geometry = geometry_of(shape, detection, outline(*points), SIZE)

    if geometry is not None:
        region = {"id": "a", "from_name": "n", "type": shape.lower(), "value": geometry}
        validate_regions([region])


def test_a_polygon_comes_back_as_it_was() -> None:
    """Pixels -> percent -> pixels covers the same (IoU of at least 0.99)."""
    points = tuple((4 * x, 3 * y) for x, y in STAR)
    detection = found("a", 0.5, Box(0, 0, 400, 300))

    geometry = geometry_of(Shape.POLYGON, detection, outline(*points), SIZE)

    assert geometry is not None
    back = [(4 * x, 3 * y) for x, y in geometry["points"]]
    assert overlap(filled([back], SIZE, 2), filled([points], SIZE, 2)) >= 0.99


def test_a_polygon_is_the_largest_outline_and_a_brush_paints_all() -> None:
    """They are given largest first."""
    parts = (
        outline((0, 0), (200, 0), (200, 200)).items + outline((300, 0), (390, 0), (390, 90)).items
    )
    detection = found("a", 0.5, Box(0, 0, 390, 200))

    polygon = geometry_of(Shape.POLYGON, detection, Detections(parts), SIZE)
    both, one = (
        geometry_of(Shape.BRUSH, detection, Detections(some), SIZE) for some in (parts, parts[:1])
    )

    assert polygon == {
        "points": [[0.0, 0.0], [50.0, 0.0], [50.0, 66.6667]],
        "closed": True,
    }
    assert both != one


@pytest.mark.parametrize("shape", list(Shape))
def test_a_box_off_the_image_is_nothing(shape: Shape) -> None:
    detection = Detection(Box(500, 0, 600, 10), "a", 0.5)

    assert geometry_of(shape, detection, outline((500, 0), (600, 0), (600, 10)), SIZE) is None
