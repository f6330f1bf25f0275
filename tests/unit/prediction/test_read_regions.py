"""Entries of a `result` read back, whoever wrote them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.errors import BadRequest
from backend.prediction.read_regions import (
    Choices,
    Number,
    ReadRegion,
    Relation,
    TextArea,
    read_region,
    read_regions,
)
from backend.prediction.region_shapes import Brush, Ellipse, KeyPoint, Polygon, Rectangle
from models.types import ImageSize
from tests.unit.interactive.contexts import brush, keypoint, polygon, rectangle, region

PLACE = {"x": 1, "y": 2, "width": 3, "height": 4}
RELATION = {
    "type": "relation",
    "from_id": "a",
    "to_id": "b",
    "direction": "right",
    "labels": ["left of"],
}


def read(entry: dict[str, Any]) -> ReadRegion:
    (found,) = read_regions([entry])
    return found


@pytest.mark.parametrize("odd", [10**400, -(10**400), float("nan"), float("inf"), True, "0.5"])
def test_scores_that_cannot_be_reckoned_with_are_none(odd: object) -> None:
    entry = rectangle(1, 2, 3, 4, "Cat")

    assert read({**entry, "score": odd}).score is None
    both = read({**entry, "score": 0.5, "meta": {"raw_score": odd}})
    assert (both.score, both.raw_score) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("entry", "shape", "labels"),
    [
        (rectangle(1, 2, 3, 4, "Cat"), Rectangle(1, 2, 3, 4), ("Cat",)),
        (rectangle(1, 2, 3, 4), Rectangle(1, 2, 3, 4), ()),
        (
            region("labels", {**PLACE, "rotation": 30, "labels": ["Cat"]}),
            Rectangle(1, 2, 3, 4, 30),
            ("Cat",),
        ),
        (region("ellipse", {"x": 5, "y": 6, "radiusX": 1, "radiusY": 2}), Ellipse(5, 6, 1, 2), ()),
        (polygon([0, 0], [9, 0], [9, 9]), Polygon(((0, 0), (9, 0), (9, 9))), ("Cat",)),
        (keypoint(10, 20, "Nose", positive=False), KeyPoint((10, 20), positive=False), ("Nose",)),
        (region("choices", {"choices": ["calm"]}), None, ()),
    ],
)
def test_every_shape_is_read(entry: dict[str, Any], shape: object, labels: tuple[str, ...]) -> None:
    found = read(entry)

    assert (found.shape, found.labels) == (shape, labels)
    assert found.is_drawn is (shape is not None)


def test_a_mask_is_read_with_the_size_of_its_image() -> None:
    shape = read(brush("Sky", 0, 0, 10, 10)).shape

    assert isinstance(shape, Brush)
    assert shape.size == ImageSize(200, 100)


@pytest.mark.parametrize(
    ("value", "said", "words"),
    [
        ({"choices": ["a", "b"]}, Choices((("a",), ("b",))), ("a", "b")),
        ({"choices": "a"}, Choices((("a",),)), ("a",)),
        ({"taxonomy": [["Animal", "Cat"], ["Thing"]]}, Choices((("Animal", "Cat"), ("Thing",))), ("Animal > Cat", "Thing")),
        ({"text": ["one", "two"]}, TextArea(("one", "two")), ("one", "two")),
        ({"text": "one"}, TextArea(("one",)), ("one",)),
        ({"number": 3}, Number(3), ("3",)),
        ({"rating": 4}, Number(4), ("4",)),
        ({**PLACE, "rectanglelabels": ["Cat"]}, None, ("Cat",)),
    ],
)  # fmt: skip
def test_what_is_said_is_read(value: dict[str, Any], said: object, words: tuple[str, ...]) -> None:
    """Of the whole image, and of a region, whose shape is repeated beside it."""
    for place in ({}, PLACE):
        found = read(region("any", {**place, **value}))
        assert (found.said, found.words) == (said, words)


def test_relations_are_told_from_regions() -> None:
    entries = [rectangle(1, 2, 3, 4, "Cat", id="a"), RELATION, "nonsense", {"value": None}]

    assert [one.id for one in read_regions(entries)] == ["a"]
    relations = [found for found in map(read_region, entries) if isinstance(found, Relation)]
    assert relations == [Relation("a", "b", "right", ("left of",))]


def test_who_and_what_a_region_is_about() -> None:
    found = read(
        rectangle(
            *(1, 2, 3, 4, "Cat"),
            id="a",
            score=0.5,
            item_index=2,
            meta={"text": ["red cats"]},
            origin="prediction-changed",
        )
    )

    assert (found.id, found.from_name, found.to_name) == ("a", "box", "img")
    assert (found.kind, found.score, found.page) == ("rectanglelabels", 0.5, 2)
    assert (found.note, found.origin) == ("red cats", "prediction-changed")
    assert found.size == ImageSize(200, 100)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
FIELDS = (
    "id", "from_name", "type", "score", "item_index", "original_width", "meta", "image_rotation",
)  # fmt: skip
KEYS = (
    "x",
    "y",
    "width",
    "height",
    "points",
    "rle",
    "radiusX",
    "choices",
    "text",
    "number",
    "labels",
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(FIELDS), ANYTHING),
    st.dictionaries(st.sampled_from(KEYS), ANYTHING),
)
def test_an_odd_value_is_nothing_or_a_reason(entry: dict[str, Any], value: dict[str, Any]) -> None:
    """A shape that cannot be says why; all else of its entry is read."""
    found = read_region({**entry, "value": value})

    assert isinstance(found, ReadRegion)
    assert all(isinstance(word, str) for word in found.words)
    with suppress(BadRequest):
        assert found.shape is None or found.is_drawn
