"""More of what is boxed already, with vectors that a stand-in gives by place."""

from __future__ import annotations

import math
from typing import Any

import pytest

from backend.errors import BadRequest
from backend.label_studio.bodies import Region
from models.queries import Detect, Embed, InBox, ProposeRegions, Query
from models.types import Box, Detection, Detections, ModelOutput, Vector
from tests.unit.interactive.contexts import context, rectangle, text
from tests.unit.interactive.test_assistant import (
    BOXES,
    CAT,
    DOG,
    MOOD,
    PROMPT,
    Models,
    percent,
    slot_for,
    suggested,
)

NOTE = '<TextArea name="note" toName="img" model_task="note"/>'
#: In an image of 200x100 pixels: two things that look alike, one that does not, and one that a model names.
SHRIMP, OTHER_SHRIMP = Box(20, 20, 60, 60), Box(100, 20, 140, 60)
ROCK, SMALL = Box(150, 50, 195, 95), Box(0, 0, 20, 20)
LOOKS = {SHRIMP: 0.0, OTHER_SHRIMP: 20.0, ROCK: 85.0, SMALL: 5.0}
#: How far the whole image lies from a shrimp.
WHOLE = 80.0


class Sight(Models):
    """Sees the places of `LOOKS`; a vector is an angle in degrees."""

    def answer(self, query: Query) -> ModelOutput:
        match query:
            case ProposeRegions() | Detect():
                return Detections(tuple(Detection(box, "", None) for box in LOOKS))
            case Embed():
                return at(WHOLE)
            case InBox(box=box, ask=Embed()):
                return at(min(LOOKS.items(), key=lambda one: distance(one[0], box))[1])
            case _:
                return super().answer(query)


def at(degrees: float) -> Vector:
    return Vector((math.cos(math.radians(degrees)), math.sin(math.radians(degrees))))


def distance(one: Box, other: Box) -> float:
    return abs(one.x_min - other.x_min) + abs(one.y_min - other.y_min)


def drafted(*regions: Region) -> dict[str, Any]:
    return {"drafts": [{"result": list(regions)}]}


def drawn(box: Box, label: str = "Cat", **more: Any) -> Region:
    sides = box.x_min / 2, box.y_min, (box.x_max - box.x_min) / 2, box.y_max - box.y_min
    return rectangle(*sides, label, **{"id": "mine", **more})


def boxes(found: list[Region]) -> list[tuple[float, ...]]:
    return [percent(one) for one in found if one["from_name"] == "box"]


def said(found: list[Region]) -> str:
    (note,) = (one for one in found if one["from_name"] == "note")
    return str(note["value"]["text"][0])


def test_more_like_this_finds_what_looks_like_the_box_that_was_drawn() -> None:
    """Neither what looks otherwise, nor what is too small to look like anything, nor the example itself."""
    tags = BOXES + MOOD + PROMPT + NOTE

    found = suggested(tags, context(text("More like this")), Sight(), **drafted(drawn(SHRIMP)))

    assert boxes(found) == [(50, 20, 20, 40)]
    (box,) = (one for one in found if one["from_name"] == "box")
    assert box["value"]["rectanglelabels"] == ["Cat"]
    assert "score" not in box
    assert box["meta"] == {"text": ["like Cat"]}
    assert {one["id"] for one in found if one["from_name"] == "mood"} == {box["id"]}
    assert said(found) == "Like the box of Cat: 1 found."


def test_the_label_behind_the_arrow_says_which_boxes_are_meant() -> None:
    """Of those that are there; the last that was drawn is another."""
    there = drafted(drawn(SHRIMP, "Dog", id="a"), drawn(ROCK, "Cat", id="b"))

    found = suggested(
        BOXES + PROMPT, context(text("find more like these -> Dog")), Sight(), **there
    )

    assert boxes(found) == [(50, 20, 20, 40)]


def test_what_is_there_already_is_suggested_as_it_stands() -> None:
    there = drafted(drawn(OTHER_SHRIMP, id="other", origin="prediction"), drawn(SHRIMP))
    tags = BOXES + PROMPT + NOTE

    found = suggested(tags, context(text("more like this")), Sight(), **there)

    assert [one["id"] for one in found if one["from_name"] == "box"] == ["other"]
    assert said(found) == "Like the box of Cat: 1 found, 1 of them there already."


def test_nothing_alike_is_said() -> None:
    found = suggested(
        BOXES + PROMPT + NOTE, context(text("more like this")), Sight(), **drafted(drawn(ROCK))
    )

    assert boxes(found) == []
    assert said(found) == "Like the box of Cat: nothing else is seen."


def test_without_proposals_the_places_are_those_that_the_prediction_found() -> None:
    """A model that only finds phrases has boxes for all labels, down to a low score."""
    models = Sight(CAT, DOG, Detection(OTHER_SHRIMP, "dog", 0.2))

    found = suggested(
        BOXES + PROMPT,
        context(text("more like this -> Cat")),
        models,
        engine="tiny",
        **drafted(drawn(SHRIMP)),
    )

    assert (50, 20, 20, 40) in boxes(found)
    assert not any(isinstance(query, ProposeRegions) for query in models.asked)


@pytest.mark.parametrize(
    ("typed", "there", "message"),
    [
        ("more like this", {}, r"expected a box on this image .* none that is stored yet: draw one"),
        ("more like this -> Dog", drafted(drawn(SHRIMP)), r"expected a box of Dog on this image"),
        ("more like this -> Cow", drafted(drawn(SHRIMP)), r"labels Cat, Dog behind the arrow, got 'Cow'"),
        ("more like this", drafted(drawn(SMALL)), r"at least 32 pixels on its longer side"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said(typed: str, there: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        suggested(BOXES + PROMPT, context(text(typed)), Sight(), **there)


def test_without_vectors_it_is_said() -> None:
    with pytest.raises(BadRequest, match=r"cannot look for more like this: no loaded model"):
        suggested(
            BOXES + PROMPT,
            context(text("more like this")),
            Sight(),
            engine="florence-2-base",
            **drafted(drawn(SHRIMP)),
        )


def test_a_label_that_is_filled_by_example_brings_what_looks_like_what_was_drawn() -> None:
    """The box itself first; another label brings only what was drawn."""
    tags = BOXES.replace('value="Cat"', 'value="Cat" model_task="like"') + NOTE

    cat = suggested(tags, context(drawn(SHRIMP, id="drawn")), Sight())
    dog = suggested(tags, context(drawn(SHRIMP, "Dog", id="drawn")), Sight())

    assert boxes(cat) == [(10, 20, 20, 40), (50, 20, 20, 40)]
    assert said(cat).endswith("accept to keep what you drew. Like the box of Cat: 1 found.")
    assert boxes(dog) == [(10, 20, 20, 40)]


def test_what_a_label_is_filled_by_leaves_the_version_as_it_is() -> None:
    """It changes no prediction."""
    like = BOXES.replace('value="Cat"', 'value="Cat" model_task="like"')
    plain, other = (slot_for(tags, context(drawn(ROCK)), Sight()) for tags in (BOXES, like))

    assert plain.prediction is not None
    assert other.prediction is not None
    assert plain.prediction.model_version == other.prediction.model_version
