"""Suggestions beside what is there already."""

from __future__ import annotations

from typing import Any

import pytest

from backend.interactive.repeats import Fate, placed
from backend.prediction.read_regions import read_regions
from tests.unit.interactive.contexts import brush, keypoint, polygon, rectangle, region


def left(suggested: dict[str, Any], there: object) -> bool:
    """Whether it is a thing of its own."""
    (fate,) = placed([suggested], read_regions([there])).fates
    return fate is Fate.NEW


def test_the_same_place_with_the_same_label_is_a_repeat() -> None:
    """An IoU of 0.91 is the same place, one of 0.9 is another."""
    there = rectangle(10, 10, 50, 50, "Cat", id="there")

    (again,) = placed([rectangle(10, 10, 50, 45.5, "Cat")], read_regions([there])).regions

    assert again == there
    assert not left(rectangle(10, 10, 50, 45.5, "Cat"), there)
    assert left(rectangle(10, 10, 50, 45, "Cat"), there)


@pytest.mark.parametrize("other", [{"from_name": "second"}, {"to_name": "second"}])
def test_another_tag_or_image_is_no_repeat(other: dict[str, str]) -> None:
    there = rectangle(10, 10, 50, 50, "Cat", id="there", **other)

    assert left(rectangle(10, 10, 50, 50, "Cat"), there)


def test_another_label_is_no_repeat() -> None:
    assert left(rectangle(10, 10, 50, 50, "Cat"), rectangle(10, 10, 50, 50, "Dog", id="there"))


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

    there = {**box, "id": "there"}

    found = placed([box, mood, other], read_regions([there]))

    assert list(found.regions) == [there, other]
    assert found.fates == (Fate.THERE, Fate.NEW)


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


@pytest.mark.parametrize("odd", [{"score": "0.9"}, {"type": "mystery"}, {"type": None}])
def test_what_the_editor_could_not_open_is_not_suggested_again(odd: dict[str, Any]) -> None:
    box = rectangle(10, 10, 50, 50, "Cat")
    labels = {"rectangle": ["Cat"], "mysterylabels": ["Cat"]}
    there = {**box, "value": {**box["value"], **labels}, "id": "there", **odd}

    found = placed([box], read_regions([there]))

    assert all(one["id"] != "there" for one in found.regions)


def test_what_is_drawn_around_a_thing_that_is_there_takes_its_place() -> None:
    """With all that is per region; what overlaps less is a neighbour."""
    there, far = (
        rectangle(10, 10, 50, 50, "Cat", id="there"),
        rectangle(70, 70, 20, 20, "Cat", id="far"),
    )
    box = rectangle(10, 10, 50, 30, "Cat", id="a")
    mood = region("choices", {**box["value"], "choices": ["calm"]}, id="a", from_name="mood")
    beside = rectangle(10, 10, 50, 20, "Cat", id="a")
    stand = read_regions([far, there])

    found = placed([box, mood], stand, mends=True)

    assert [one["id"] for one in found.regions] == ["there", "there"]
    assert found.regions[0]["value"] == box["value"]
    assert found.fates == (Fate.BETTER,)
    assert placed([beside], stand, mends=True).fates == (Fate.NEW,)
    assert placed([box], stand).fates == (Fate.NEW,)


def test_a_prompt_leaves_what_a_person_has_moved_where_it_is() -> None:
    """A prediction's region keeps its id when it is moved, and the prompt finds the old place again."""
    moved = rectangle(40, 40, 50, 50, "Cat", id="a", origin="prediction-changed")
    found_again = rectangle(10, 10, 50, 50, "Cat", id="a")

    assert placed([found_again], read_regions([moved])).regions == (moved,)


def test_no_two_things_take_the_same_place() -> None:
    there = rectangle(10, 10, 50, 50, "Cat", id="there")
    first = rectangle(10, 10, 50, 40, "Cat", id="a")
    second = rectangle(10, 20, 50, 40, "Cat", id="b")

    found = placed([first, second], read_regions([there]), mends=True)

    assert [one["id"] for one in found.regions] == ["there", "b"]


def test_a_new_thing_gets_no_id_that_another_has() -> None:
    """The same id in another place is what was moved away from there."""
    moved = rectangle(40, 40, 50, 50, "Cat", id="a")

    new = rectangle(10, 10, 20, 20, "Cat", id="a")
    (drawn,) = placed([new], read_regions([moved]), mends=True).regions

    assert drawn["id"] != "a"


def test_what_was_suggested_before_in_the_same_answer_is_not_suggested_again() -> None:
    box = rectangle(10, 10, 50, 50, "Cat", id="a")

    found = placed([{**box, "id": "b"}], [], [box])

    assert (found.regions, found.fates) == ((), (Fate.THERE,))
