"""`params.context` -> what the person just drew, pointed at or typed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import BadRequest
from backend.interactive.gesture import Gesture, Pointed, Typed, gestures_of, regions_of
from backend.prediction.region_shapes import Brush, Ellipse, Polygon, Rectangle
from backend.prediction.shape_pixels import box_of, stroke_of
from models.types import ImageSize
from tests.unit.interactive.contexts import (
    SIZE,
    brush,
    context,
    keypoint,
    polygon,
    rectangle,
    region,
    text,
)

KEYS = ("x", "y", "width", "height", "rotation", "points", "radiusX", "radiusY", "rle", "text")


def latest(context: dict[str, Any]) -> Gesture | None:
    """What was just drawn."""
    gestures = gestures_of(regions_of(context))
    return gestures[-1] if gestures else None


def test_the_last_region_is_what_was_just_drawn() -> None:
    """Label Studio sends those before it too; 300 of them change nothing."""
    before = [rectangle(n / 5, 0, 1, 1, "Cat", id=f"r{n}") for n in range(300)]

    gesture = latest(context(*before, rectangle(10, 20, 30, 40, "Dog", id="new")))

    assert gesture is not None
    assert gesture.region_id == "new"
    assert gesture.shape == Rectangle(10, 20, 30, 40)
    assert gesture.labels == ("Dog",)


def test_what_was_drawn_before_and_not_accepted_counts_too() -> None:
    """Its suggestions would go; but only that of the same tag, the last twenty, and what can be read."""
    many = [rectangle(n / 5, 0, 1, 1, "Cat", id=f"r{n}") for n in range(300)]
    odd = rectangle(0, 0, 1, 1, "Cat", id="odd", image_rotation=90)
    other = rectangle(0, 0, 1, 1, "Cat", id="other", from_name="second")

    drawn = context(*many, odd, other, rectangle(1, 2, 3, 4, "Cat", id="new"))
    gestures = gestures_of(regions_of(drawn))

    assert [gesture.region_id for gesture in gestures] == [
        *(f"r{n}" for n in range(282, 300)),
        "new",
    ]


@pytest.mark.parametrize("origin", ["prediction", "prediction-changed"])
def test_a_region_of_a_prediction_was_not_drawn(origin: str) -> None:
    ours = rectangle(1, 1, 9, 9, "Cat", id="ours", origin=origin)

    gesture = latest(context(rectangle(10, 20, 30, 40, id="mine"), ours))

    assert gesture is not None
    assert gesture.region_id == "mine"
    assert latest(context(ours)) is None


def test_nothing_is_left_when_what_was_drawn_is_taken_away() -> None:
    """Label Studio tells of it with an empty list; that is no mistake of anybody's."""
    assert latest(context()) is None


def test_a_rectangle_and_its_labels_are_one_region() -> None:
    """With `Rectangle` and `Labels` the editor sends two entries of one id."""
    shape = rectangle(10, 20, 30, 40, from_name="rect")
    label = region("labels", {**shape["value"], "labels": ["Cat"]}, from_name="lab")
    crop = region("textarea", {**shape["value"], "text": ["what it says"]}, from_name="said")

    gesture = latest(context(shape, label, crop))

    assert gesture is not None
    assert (gesture.from_name, gesture.labels) == ("lab", ("Cat",))
    assert gesture.shape == Rectangle(10, 20, 30, 40)


def test_key_points_point_at_one_thing() -> None:
    """Those that are not positive say what it is not, whether they come before or after."""
    gesture = latest(
        context(
            keypoint(90, 90, "Cat", positive=False, id="a"),
            keypoint(10, 10, "Cat", id="b"),
            keypoint(20, 20, "Cat", id="c"),
            keypoint(50, 50, "Cat", positive=False, id="d"),
        )
    )

    assert gesture is not None
    assert gesture.shape == Pointed((20, 20), ((90, 90), (50, 50)))


def test_a_negative_point_alone_points_at_nothing() -> None:
    gesture = latest(context(keypoint(50, 50, "Cat", positive=False)))

    assert gesture is not None
    assert gesture.shape == Pointed(None, ((50, 50),))


def test_the_last_text_is_what_was_just_typed() -> None:
    """A prompt keeps what was typed into it before."""
    gesture = latest(context(text("find all dogs", "red cars -> Car")))

    assert gesture is not None
    assert gesture.shape == Typed("red cars -> Car")


@pytest.mark.parametrize(
    ("drawn", "shape"),
    [
        (polygon([0, 0], [10, 0], [10, 10]), Polygon(((0, 0), (10, 0), (10, 10)))),
        (
            region("ellipse", {"x": 5, "y": 6, "radiusX": 1, "radiusY": 2, "rotation": 0}),
            Ellipse(5, 6, 1, 2),
        ),
    ],
)
def test_other_shapes(drawn: dict[str, Any], shape: object) -> None:
    gesture = latest(context(drawn))

    assert gesture is not None
    assert gesture.shape == shape


def test_a_brush_mask_keeps_the_size_of_its_image() -> None:
    gesture = latest(context(brush("Sky", 0, 0, 10, 10)))

    assert gesture is not None
    assert isinstance(gesture.shape, Brush)
    assert gesture.shape.size == ImageSize(200, 100)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({}, "list of regions under result, got NoneType"),
        ({"result": {}}, "got dict"),
        ({"result": ["box"]}, "expected regions with a value"),
        ({"result": [{"id": "a", "type": "rectangle"}]}, "expected regions with a value"),
        (context(polygon([0, 0], [10, 10])), "at least three points"),
        (context(rectangle("1", 2, 3, 4)), "expected x of a region in percent"),  # type: ignore[arg-type]
        (context(rectangle(float("nan"), 2, 3, 4)), "expected x of a region in percent"),
        (context(rectangle(10**400, 2, 3, 4)), "expected x of a region in percent"),
        (context(rectangle(1, 2, 3, 4, id=None)), "expected a region with id"),
        (context(rectangle(1, 2, 3, 4, from_name=7)), "expected a region with from_name"),
        (context(rectangle(1, 2, 3, 4, image_rotation=90)), "turn it back"),
        (context(text()), "list of texts"),
        (context(region("choices", {"choices": ["calm"]})), "smart tool, or the text of a prompt"),
        (context(region("brush", {"rle": [300]})), "bytes under rle"),
        (context(region("brush", {"rle": [1]}, original_width=None)), "original_width"),
        (context(region("brush", {"rle": [1]}, original_height=10**9)), "at most 100000"),
        (context(region("brush", {"rle": [1] * 8_000_001})), "at most 8000000 bytes"),
    ],
)
def test_what_cannot_be_read_says_what_was_expected(bad: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        latest(bad)


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["", "img", "box"]),
    lambda below: st.lists(below, max_size=3),
    max_leaves=5,
)
ENTRIES = st.fixed_dictionaries(
    {"value": st.dictionaries(st.sampled_from(KEYS), VALUES)},
    optional={
        "id": VALUES,
        "from_name": VALUES,
        "to_name": VALUES,
        "type": st.sampled_from(["rectanglelabels", "textarea", "keypoint", "brush"]) | VALUES,
        "origin": VALUES,
        "is_positive": VALUES,
        "image_rotation": VALUES,
        "original_width": VALUES,
        "original_height": VALUES,
    },
)


@given(st.lists(ENTRIES, max_size=4))
def test_whatever_is_sent_is_a_gesture_or_a_bad_request(entries: list[dict[str, Any]]) -> None:
    """Nothing else is raised, and what is found can be placed on the image, or says why not."""
    with suppress(BadRequest):
        for gesture in gestures_of(regions_of({"result": entries})):
            match gesture.shape:
                case Rectangle() | Ellipse() | Polygon() as shape:
                    box_of(shape, SIZE)
                case Brush() as shape:
                    stroke_of(shape, SIZE)
                case _:
                    pass


def test_what_was_drawn_on_another_page_is_not_asked_about() -> None:
    """Label Studio sends the regions of all pages; `item_index` says which is which."""
    there = rectangle(1, 1, 10, 10, "Cat", id="there", item_index=0)
    here = rectangle(1, 1, 10, 10, "Cat", id="here", item_index=2)
    new = rectangle(5, 5, 10, 10, "Cat", id="new", item_index=2)

    gestures = gestures_of(regions_of(context(there, here, new)))

    assert [(gesture.region_id, gesture.page) for gesture in gestures] == [("here", 2), ("new", 2)]
