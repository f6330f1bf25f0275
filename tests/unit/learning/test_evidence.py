"""What is compared, and what of it teaches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from backend.images.reference import parse_image_ref
from backend.label_config.control_tags import RegionTag
from backend.label_config.label_config import parse_label_config
from backend.label_studio.records import AnnotationRow
from backend.learning.asking import AskedImage, embedding, learnable, place_embedding
from backend.learning.evidence import Observed
from backend.learning.gains import gains_of
from backend.learning.groups import groups_of
from backend.learning.observing import in_order, observed_in
from backend.prediction.engine import engine_for
from backend.prediction.learned import can_learn
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import PredictorSettings
from backend.prediction.request import Answer
from models.types import (
    Box,
    BoxOutput,
    BoxOutputs,
    Detection,
    Detections,
    ImageSize,
    Vector,
)
from tests.reviewer import box
from tests.unit.learning.examples import evidence, observed
from tests.unit.learning.heads import CONFIG

PREDICTOR = PredictorSettings(engine_for("tiny"), 0.3, None).for_label_config(CONFIG)
(STEP,) = learnable(PREDICTOR)


def compared(
    found: list[Detection], *submitted: dict[str, object], besides: Sequence[Detection] = ()
) -> list[Observed]:
    """What is observed where this is found, and `besides`, and that was submitted, on 100 pixels each way."""
    ref = parse_image_ref("http://images.example/1.png", task_id=1, label_studio_url=None)
    places = place_embedding(STEP)
    assert places is not None
    request = ModelRequest(ref, (STEP.boxes, embedding(STEP), places), (STEP,))
    annotation = AnnotationRow.model_validate({"id": 1, "result": list(submitted)})
    asked = AskedImage((1, 0), annotation, STEP.image, request)
    vectors, of_places = (
        BoxOutputs(tuple(BoxOutput(one, Vector((0.6, 0.8))) for one in some))
        for some in (found, besides)
    )
    outputs = (Detections(tuple(found)), vectors, of_places)
    answer = Answer(ImageSize(100, 100), outputs, "ab" * 32)
    return [one for _, one in observed_in(asked, answer)]


def test_each_predicted_box_is_set_against_what_lies_in_its_place() -> None:
    """Its own label first; else any; else it was deleted. What is below its threshold is not shown.

    What a person drew where nothing was predicted counts as missed."""
    found = [
        Detection(Box(10, 10, 30, 30), "car", 0.9),
        Detection(Box(50, 10, 70, 30), "dog", 0.8),
        Detection(Box(10, 60, 30, 90), "cat", 0.7),
        Detection(Box(60, 60, 90, 90), "cat", 0.1),
    ]

    seen = compared(
        found,
        box("a", "car", 8, 8, 24, 24, None),
        box("b", "cat", 50, 10, 20, 20, None),
        box("c", "dog", 90, 90, 5, 5, None),
    )

    assert [(one.predicted, one.true) for one in seen] == [
        ("car", "car"),
        ("dog", "cat"),
        ("cat", None),
        (None, "dog"),
    ]
    assert seen[0].true_box == Box(8, 8, 32, 32)
    assert {one.image for one in seen} == {"ab" * 32}


def test_what_is_found_besides_is_set_against_what_a_person_drew_there() -> None:
    """Apart from what was predicted: what is drawn there, what is not, and what was not found at all."""
    besides = [
        Detection(Box(50, 50, 70, 70), "red star", 0.9),
        Detection(Box(12, 10, 30, 30), "red star", 0.9),
        Detection(Box(80, 10, 95, 30), "red circle", 0.8),
        Detection(Box(80, 60, 95, 90), "red circle", 0.2),
    ]

    seen = compared(
        [Detection(Box(10, 10, 30, 30), "car", 0.9)],
        box("a", "car", 10, 10, 20, 20, None),
        box("b", "dog", 50, 50, 20, 20, None),
        box("c", "cat", 80, 60, 15, 30, None),
        besides=besides,
    )

    assert [(one.predicted, one.true, one.box) for one in seen] == [
        ("car", "car", Box(10, 10, 30, 30)),
        (None, "dog", Box(50, 50, 70, 70)),
        (None, None, Box(80, 10, 95, 30)),
        (None, "cat", None),
    ]
    assert [one.vector is not None for one in seen] == [True, True, True, False]


def test_a_label_that_is_no_more_teaches_nothing_and_it_is_said() -> None:
    some = evidence(observed("car", "lorry", 12, looks=5), observed("car", "car", 12, looks=0))

    (note,) = some.notes()
    assert note == "not used: 12 that people called 'lorry', which is no label of 'box' any more"


def test_boxes_too_small_to_judge_are_said() -> None:
    small = [replace(one, vector=None) for one in observed("car", "car", 3, looks=0)]

    (note,) = evidence(small).notes()
    assert "3 boxes of 'box'" in note


def test_the_order_of_answers_does_not_matter() -> None:
    first, second = (observed("car", "car", 1, looks=n)[0] for n in (0, 1))

    found = in_order({(2, 0): [("box", second)], (1, 0): [("box", first)]})

    assert found == {"box": [first, second]}


def test_what_looks_the_same_is_one_group() -> None:
    """Two files of one picture, and two regions of one image."""
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 1, 2]]

    groups = groups_of(["a", "b", "c", "c"], vectors)

    assert groups[0] == groups[1] != groups[2] == groups[3]


def test_a_label_of_few_things_is_lent_strength_by_labels_alike_and_none_by_others() -> None:
    few = (np.array([1.0, 0, 0, 1, 0]), np.arange(5))
    gaining = {f"g{n}": (np.r_[np.ones(15), np.zeros(5)], np.arange(20)) for n in range(6)}
    still = {f"s{n}": (np.zeros(20), np.arange(20)) for n in range(6)}

    helped = gains_of({"few": few, **gaining})["few"]
    alone = gains_of({"few": few, **still})["few"]

    assert helped.is_shown
    assert not alone.is_shown


def test_what_a_label_shows_by_itself_counts_whatever_the_others_do() -> None:
    clear = (np.r_[np.ones(30), np.zeros(10)], np.arange(40))
    still = {f"s{n}": (np.zeros(40), np.arange(40)) for n in range(6)}

    assert gains_of({"clear": clear, **still})["clear"].is_shown


def test_what_cannot_be_learned_says_why() -> None:
    xml = (
        '<View><Image name="i" value="$i"/><KeyPointLabels name="k" toName="i"><Label value="a"/></KeyPointLabels>'
        '<Choices name="c" toName="i" choice="multiple"><Choice value="a"/></Choices>'
        '<Choices name="p" toName="i" perRegion="true"><Choice value="a"/></Choices>'
        '<RectangleLabels name="r" toName="i"><Label value="a"/></RectangleLabels></View>'
    )
    reasons = {one.name: can_learn(one) for one in parse_label_config(xml).controls}

    assert reasons["k"] == "a point shows nothing by itself"
    assert reasons["c"] == "only one choice of a plain list is learned"
    assert reasons["p"] == "its choices are about regions"
    assert reasons["r"] is None
    assert isinstance(STEP.control, RegionTag)


def test_a_tag_of_two_images_is_learned_once() -> None:
    xml = (
        '<View><Image name="i" value="$i"/><Image name="j" value="$j"/>'
        '<RectangleLabels name="box" toName="i,j"><Label value="car"/></RectangleLabels></View>'
    )
    predictor = PredictorSettings(engine_for("tiny"), None, None).for_label_config(xml)

    assert len({step.control for step in predictor.plan.steps}) == 2
    assert [step.control.name for step in learnable(predictor)] == ["box"]
