"""Truth: sizes that fit, and boxes in fractions."""

from __future__ import annotations

import pytest

from backend.errors import TaskError
from backend.evaluation.labelled import Truth, fractions
from models.types import Box, ImageSize


@pytest.mark.parametrize("size", [(100, 50), (200, 100), (101, 50)])
def test_an_image_of_the_same_shape_is_the_one_annotated(size: tuple[int, int]) -> None:
    Truth(size=ImageSize(100, 50)).check(ImageSize(*size))
    Truth().check(ImageSize(*size))


@pytest.mark.parametrize(
    ("size", "reason"), [((50, 100), "EXIF"), ((100, 100), "another image"), ((100, 60), "another")]
)
def test_another_shape_is_told(size: tuple[int, int], reason: str) -> None:
    with pytest.raises(TaskError, match=reason):
        Truth(size=ImageSize(100, 50)).check(ImageSize(*size))


def test_a_box_is_cut_to_its_frame() -> None:
    assert fractions(-10, 20, 60, 80, 50, 100) == Box(0, 0.2, 1, 0.8)


@pytest.mark.parametrize(
    "sides", [(10, 10, 10, 20), (30, 10, 20, 20), (60, 10, 70, 20), (0, 0, float("nan"), 3)]
)
def test_no_area_is_no_box(sides: tuple[float, float, float, float]) -> None:
    assert fractions(*sides, 50, 100) is None
