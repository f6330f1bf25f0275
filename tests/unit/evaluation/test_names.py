"""Labels and tags: which go together, and which cannot be measured."""

from __future__ import annotations

from collections import Counter

import pytest

from backend.errors import BadRequest
from backend.evaluation.items import Items, items_of
from backend.evaluation.labelled import ANY_IMAGE, LabelledSet, LabelledTask, TrueBox, Truth
from backend.evaluation.names import LabelNames, config_for_classes, left_out, measured_plan
from backend.label_config.control_tags import RegionTag
from backend.label_config.label_config import parse_label_config
from backend.prediction.engine import engine_for
from models.queries import Ground
from models.types import Box
from tests.unit.bulk.folders import predictor

BOX = Box(0.1, 0.1, 0.2, 0.2)
CONFIG = (
    '<View><Image name="image" value="$photo"/>'
    '<RectangleLabels name="box" toName="image"><Label value="Car"/>'
    '<Label value="Big dog" alias="dog"/></RectangleLabels>'
    '<PolygonLabels name="outline" toName="image"><Label value="Car"/></PolygonLabels>'
    '<KeyPointLabels name="point" toName="image"><Label value="Car"/></KeyPointLabels>'
    '<Choices name="scene" toName="image"><Choice value="day"/></Choices>'
    '<Choices name="state" toName="image" perRegion="true"><Choice value="new"/></Choices>'
    '<Number name="count" toName="image"/><Rating name="stars" toName="image"/></View>'
)


def names(config: str = CONFIG) -> LabelNames:
    plan = measured_plan(predictor(config).plan, with_tags=True)
    return LabelNames(parse_label_config(config), plan)


def resolved(
    *boxes: TrueBox, config: str = CONFIG
) -> tuple[list[tuple[str, str | None]], Counter[str]]:
    lacking: Counter[str] = Counter()
    truth = names(config).resolved(Truth(boxes), "image", lacking)
    return [(box.label, box.control) for box in truth.boxes], lacking


RECTANGLES = CONFIG.replace(
    '<PolygonLabels name="outline" toName="image"><Label value="Car"/></PolygonLabels>', ""
)


@pytest.mark.parametrize("name", ["Car", "car", " CAR "])
def test_a_dataset_label_is_found_whatever_its_case(name: str) -> None:
    assert resolved(TrueBox(name, BOX), config=RECTANGLES) == ([("Car", "box")], Counter())


@pytest.mark.parametrize("name", ["dog", "Big dog", "big DOG"])
def test_a_label_is_known_by_its_alias_and_by_its_value(name: str) -> None:
    """Regions carry the alias."""
    assert resolved(TrueBox(name, BOX), config=RECTANGLES)[0] == [("dog", "box")]


def test_a_region_counts_for_the_tag_that_it_was_drawn_with() -> None:
    assert resolved(TrueBox("Car", BOX, "box"), config=RECTANGLES)[0] == [("Car", "box")]
    # Drawn with a tag that the label config has no more.
    assert resolved(TrueBox("Car", BOX, "old"), config=RECTANGLES)[0] == [("Car", "box")]


def test_a_region_of_a_tag_that_is_not_measured_is_nobodys() -> None:
    """Neither is its label said to be lacking."""
    assert resolved(TrueBox("Car", BOX, "point"), config=RECTANGLES) == ([], Counter())


def test_only_what_people_said_is_asked() -> None:
    whole = predictor(RECTANGLES).plan
    plan = measured_plan(whole, with_tags=False)

    assert [step.control.name for step in plan.steps] == ["box"]
    said = " ".join(left_out(whole, plan))
    for expected in ("KeyPointLabels name='point'", "Choices name='scene'", "Number", "<Rating"):
        assert expected in said


def test_a_label_config_without_anything_to_compare_is_told() -> None:
    config = (
        '<View><Image name="i" value="$i"/><KeyPointLabels name="p" toName="i"><Label value="x"/>'
        "</KeyPointLabels></View>"
    )
    with pytest.raises(BadRequest, match="expected a tag whose answers can be compared"):
        measured_plan(predictor(config).plan, with_tags=True)


def labelled(*labels: str) -> LabelledSet:
    boxes = tuple(TrueBox(label, BOX) for label in labels)
    data = {"image": "/data/local-files/?d=a.png"}
    task = LabelledTask("a.png", data, {ANY_IMAGE: Truth(boxes)}, stamp="1")
    return LabelledSet("here", "cars.json", [task], classes=tuple(labels))


def items(*labels: str) -> Items:
    return items_of(labelled(*labels), predictor(RECTANGLES), RECTANGLES)


def test_labels_that_the_config_lacks_are_a_note_where_some_match() -> None:
    found = items("car", "bus", "bus")

    assert [box.label for box in found.items[0].truth.boxes] == ["Car"]
    assert any("left out: bus (2)" in note for note in found.notes)


def test_labels_none_of_which_the_config_has_are_one_sentence() -> None:
    with pytest.raises(
        BadRequest, match=r"none of the labels of cars.json: that has bus \(1\).*has Car, dog"
    ):
        items("bus")


def test_a_dataset_is_asked_under_the_key_that_the_label_config_reads() -> None:
    (item,) = items("car").items

    assert item.failure is None
    assert item.request is not None
    assert item.request.image.local_path == "a.png"
    assert item.stamp.startswith("1 ")


def test_classes_become_labels_asked_in_plain_words() -> None:
    config = parse_label_config(config_for_classes(["traffic_light", 'a "b" & <c>', "x, y"]))

    (tag,) = config.controls
    assert [(label.value, label.phrases) for label in tag.labels] == [
        ("traffic_light", ("traffic light",)),
        ('a "b" & <c>', ('a "b" & c',)),
        ("x, y", ("x, y",)),
    ]
    with pytest.raises(BadRequest, match="--config"):
        config_for_classes([])


def annotated(*truths: Truth) -> LabelledSet:
    """Tasks of Label Studio."""
    return LabelledSet(
        "here",
        "project 3",
        [
            LabelledTask(
                f"task {number}", {"photo": "/data/upload/1/a.png"}, {"image": truth}, number
            )
            for number, truth in enumerate(truths)
        ],
    )


def asked(*truths: Truth) -> tuple[list[str], str]:
    """The tags that are measured, and what is said of the others."""
    found = items_of(annotated(*truths), predictor(RECTANGLES), RECTANGLES)
    return [step.control.name for step in found.predictor.plan.steps], " ".join(found.notes)


def test_a_tag_that_nobody_used_is_not_measured_while_others_are() -> None:
    """Who only chose the scene did not say that there is no car."""
    scene = Truth(tags={"scene": frozenset({"day"})})
    car = Truth((TrueBox("Car", BOX, "box"),))

    assert asked(scene)[0] == ["scene"]
    assert "RectangleLabels name='box'" in asked(scene)[1]
    assert asked(car)[0] == ["box"]
    assert asked(car, scene)[0] == ["box", "scene"]


def test_where_no_tag_was_used_people_said_that_nothing_is_there() -> None:
    assert asked(Truth())[0] == ["box"]


def test_choices_are_measured_although_no_label_of_a_box_is_known() -> None:
    both = Truth((TrueBox("bus", BOX, "box"),), tags={"scene": frozenset({"day"})})

    tags, said = asked(both)

    assert tags == ["scene"]
    assert "left out: bus (1)" in said


def test_a_class_that_cannot_be_asked_for_leaves_the_others() -> None:
    """Marks that a model would obey are no part of what is asked; names without words are no labels."""
    xml = config_for_classes(["a <loc_5> & b", "", "\ud83d", "x\x00", "<>", "Dog"])

    config = parse_label_config(xml)

    (tag,) = config.controls
    assert isinstance(tag, RegionTag)
    assert [label.value for label in tag.labels] == ["a <loc_5> & b", "Dog"]
    assert engine_for("tiny").refuses(Ground(("a loc 5 & b", "Dog"))) is None
    assert 'model_prompt="a loc 5 &amp; b"' in xml


def test_classes_of_which_none_can_be_asked_for_are_told() -> None:
    with pytest.raises(BadRequest, match="none that can be asked for"):
        config_for_classes(["", "\ud83d"])
