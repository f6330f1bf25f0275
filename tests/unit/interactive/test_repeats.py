"""Suggestions of what is there already."""

from __future__ import annotations

from typing import Any

import pytest

from backend.interactive.repeats import without_repeats
from backend.prediction.read_regions import read_regions
from tests.unit.interactive.contexts import brush, keypoint, polygon, rectangle, region


def left(suggested: dict[str, Any], there: object) -> bool:
    return bool(without_repeats([suggested], read_regions([there])))


def test_the_same_place_with_the_same_label_is_a_repeat() -> None:
    """An IoU of 0.91 is the same place, one of 0.9 is another."""
    there = rectangle(10, 10, 50, 50, "Cat", id="there")

    assert not left(rectangle(10, 10, 50, 45.5, "Cat"), there)
    assert left(rectangle(10, 10, 50, 45, "Cat"), there)


@pytest.mark.parametrize("other", [{"from_name": "second"}, {"to_name": "second"}])
def test_another_tag_or_image_is_no_repeat(other: dict[str, str]) -> None:
    assert left(rectangle(10, 10, 50, 50, "Cat"), rectangle(10, 10, 50, 50, "Cat", **other))


def test_another_label_is_no_repeat() -> None:
    assert left(rectangle(10, 10, 50, 50, "Cat"), rectangle(10, 10, 50, 50, "Dog"))


@pytest.mark.parametrize(
    ("same", "other"),
    [
        (keypoint(10, 10, "Cat"), keypoint(11, 10, "Cat")),
        (
            polygon([0, 0], [50, 0], [50, 50], label="Cat"),
            polygon([0, 0], [50, 0], [50, 40], label="Cat"),
        ),
        (brush("Cat", 10, 10, 50, 50), brush("Cat", 10, 10, 50, 40)),
    ],
)
def test_every_shape_is_compared(same: dict[str, Any], other: dict[str, Any]) -> None:
    assert not left(same, {**same, "id": "there"})
    assert left(same, {**other, "id": "there"})


def test_what_is_per_region_goes_with_its_region() -> None:
    box = rectangle(10, 10, 50, 50, "Cat", id="a")
    mood = region("choices", {**box["value"], "choices": ["calm"]}, id="a", from_name="mood")
    other = rectangle(60, 60, 20, 20, "Cat", id="b")

    assert without_repeats([box, mood, other], read_regions([{**box, "id": "there"}])) == [other]


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"value": None},
        {"type": "rectanglelabels", "value": {"rectanglelabels": ["Cat"]}},
        rectangle(10, 10, 0, 0, "Cat"),
        {"type": "brushlabels", "value": {"rle": [1, 2], "brushlabels": ["Cat"]}},
        {"type": "choices", "value": {"choices": ["in"]}},
    ],
)
def test_what_cannot_be_read_hides_nothing(odd: dict[str, Any]) -> None:
    """Rows of other tools stand in Label Studio too."""
    assert left(rectangle(10, 10, 50, 50, "Cat"), odd)
