"""Boxes of labels that are switched on are drawn around what stands out in them, before they are shifted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.label_config.named_heads import with_head
from backend.label_studio.bodies import Region
from backend.learning.head_file import head_bytes
from backend.learning.learned_tag import learned_tag
from backend.prediction.engine import engine_for
from backend.prediction.predictor import PredictorSettings
from backend.prediction.regions import ImageAnswers, build_prediction
from models.heads import Shift, read_card
from models.queries import Contour, PerBox, Query
from models.types import Box, BoxOutput, BoxOutputs, Detection, Detections, ImageSize, ModelOutput
from tests.unit.learning.examples import evidence, observed
from tests.unit.learning.heads import CLASSIFIER, CONFIG

CAR = Detection(Box(100, 100, 200, 200), "car", 0.9)
DOG = Detection(Box(100, 100, 200, 200), "dog", 0.9)


NO_SHIFT = Shift(0.0, 0.0, 1.0, 1.0)


def a_head(shift: Shift = NO_SHIFT) -> tuple[str, bytes]:
    """Fits cars, and draws them by a shift then."""
    learned = learned_tag(evidence(observed("car", "car", 30, looks=0)), 4000)
    part = replace(learned.part, fitted=("car",), shifts=(("car", shift),))
    made = head_bytes(CLASSIFIER, [replace(learned, part=part)])
    assert made is not None
    return made


def drawn(found: Detection, outline: Box | None, made: tuple[str, bytes]) -> Region:
    """The region of a box in which that stands out."""
    name, data = made
    settings = PredictorSettings(
        engine_for("tiny"), 0.3, None, heads=lambda head: read_card(data, head)
    )
    predictor = settings.for_label_config(with_head(CONFIG, ["box"], name))
    (step,) = predictor.plan.steps
    assert step.queries == (step.boxes, PerBox(step.boxes, Contour()))
    said = Detections(() if outline is None else (Detection(outline, "", None),))
    outputs: dict[Query, ModelOutput] = {
        step.boxes: Detections((found,)),
        step.queries[1]: BoxOutputs((BoxOutput(found, said),)),
    }
    (region,) = build_prediction(
        [ImageAnswers((step,), outputs, ImageSize(1000, 1000))], "v"
    ).result
    return region


def sides(region: Region) -> list[float]:
    return [region["value"][side] for side in ("x", "y", "width", "height")]


def test_a_box_is_drawn_around_what_stands_out() -> None:
    region = drawn(CAR, Box(110, 100, 200, 190), a_head())

    assert sides(region) == pytest.approx([11, 10, 9, 9], abs=0.01)
    assert "meta" not in region


def test_it_is_shifted_after_that() -> None:
    region = drawn(CAR, Box(110, 100, 200, 200), a_head(Shift(0.0, 0.0, 0.8, 1.0)))

    assert sides(region) == pytest.approx([11.9, 10, 7.2, 10], abs=0.01)


@pytest.mark.parametrize("outline", [None, Box(100, 100, 140, 140), Box(150, 150, 400, 400)])
def test_a_box_stays_where_nothing_or_another_thing_stands_out(outline: Box | None) -> None:
    assert sides(drawn(CAR, outline, a_head())) == pytest.approx([10, 10, 10, 10], abs=0.01)


def test_boxes_of_other_labels_stay() -> None:
    region = drawn(DOG, Box(110, 100, 200, 190), a_head())

    assert sides(region) == pytest.approx([10, 10, 10, 10], abs=0.01)
