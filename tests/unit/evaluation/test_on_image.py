"""From a model's answers to what would be shown, whatever the thresholds."""

from __future__ import annotations

import pytest

from backend.evaluation.labelled import Truth
from backend.evaluation.on_image import boxes_on, ticked_on
from models.queries import Classify, Ground, PerBox
from models.types import (
    Box,
    BoxOutput,
    BoxOutputs,
    Classification,
    Detection,
    Detections,
)
from tests.unit.evaluation.sets import CAR, FAR, answered, found, request_for, true_box

TWO = (
    '<View><Image name="img" value="$photo"/>'
    '<RectangleLabels name="box" toName="img" model_score_threshold="0.5">'
    '<Label value="car" predicted_values="car,van" model_score_threshold="0.7"/><Label value="dog"/>'
    "</RectangleLabels></View>"
)


def test_boxes_are_kept_below_the_threshold_and_go_by_their_label() -> None:
    request = request_for(TWO)
    (query,) = request.queries
    assert isinstance(query, Ground)
    said = Detections((found(CAR, 0.9), found(FAR, 0.1, "van"), found(FAR, 0.2, "dog")))

    car, dog = boxes_on(
        answered([{query: said}], request, Truth((true_box(CAR), true_box(FAR, ignored=True)))), 0
    )

    assert [(one.phrase, one.score) for one in car.found] == [("car", 0.9), ("car", 0.1)]
    assert (car.key.label, car.threshold, dog.key.label, dog.threshold) == ("car", 0.7, "dog", 0.5)
    assert [round(side, 6) for side in (car.truth[0].x_min, car.truth[0].y_max)] == [10, 30]
    assert len(car.truth) == len(car.ignored) == 1
    assert [one.score for one in car.shown()] == [0.9]
    assert dog.truth == ()


def test_scores_stay_raw_where_the_label_is_calibrated() -> None:
    """Its threshold is about raw scores, and so is the one that is written."""
    calibrated = TWO.replace('model_score_threshold="0.7"', 'model_calibration="1 -1.5"')
    request = request_for(calibrated)
    (query,) = request.queries
    assert calibrated != TWO

    car, _ = boxes_on(answered([{query: Detections((found(CAR, 0.6),))}], request, Truth()), 0)

    assert [one.score for one in car.found] == [0.6]
    assert len(car.shown()) == 1


def test_a_polygon_counts_by_the_box_around_it() -> None:
    request = request_for(
        '<View><Image name="img" value="$photo"/>'
        '<PolygonLabels name="box" toName="img"><Label value="car"/></PolygonLabels></View>'
    )
    boxes, outline = request.queries
    assert isinstance(outline, PerBox)
    points = ((12.0, 12.0), (28.0, 12.0), (28.0, 20.0))
    drawn = Detection(CAR, "", 0.9, polygon=points)
    said = BoxOutputs((BoxOutput(found(CAR), Detections((drawn,))),))

    (car,) = boxes_on(
        answered([{boxes: Detections((found(CAR),)), outline: said}], request, Truth()), 0
    )

    (one,) = car.found
    assert [round(side, 3) for side in (one.box.x_min, one.box.y_min, one.box.x_max, one.box.y_max)] == [
        12, 12, 28, 20,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "truth", "told"),
    [
        ("single", {"scene": frozenset({"day"})}, [({"night": 0.75}, {"day"})]),
        ("single", {}, []),
        ("multiple", {}, [({"day": 0.25, "night": 0.75}, set())]),
    ],
)
def test_choices_that_people_left_alone_are_none_where_any_number_may_hold(
    choice: str, truth: dict[str, frozenset[str]], told: list[tuple[dict[str, float], set[str]]]
) -> None:
    request = request_for(
        f'<View><Image name="img" value="$photo"/><Choices name="scene" toName="img" choice="{choice}">'
        '<Choice value="day"/><Choice value="night"/></Choices></View>'
    )
    (query,) = request.queries
    assert isinstance(query, Classify)
    said = Classification(query.candidates, (0.25, 0.75))

    got = list(ticked_on(answered([{query: said}], request, Truth(tags=truth)), 0))

    assert [(dict(one.scores), set(one.truth)) for one in got] == told


def test_a_tree_goes_by_paths() -> None:
    request = request_for(
        '<View><Image name="img" value="$photo"/><Taxonomy name="kind" toName="img">'
        '<Choice value="Animal"><Choice value="Dog"/><Choice value="Cat"/></Choice></Taxonomy></View>'
    )
    (query,) = request.queries
    assert isinstance(query, Classify)
    said = Classification(query.candidates, (0.2, 0.6, 0.2))
    truth = Truth(tags={"kind": frozenset({"Animal > Dog"})})

    (one,) = ticked_on(answered([{query: said}], request, truth), 0)

    assert list(one.scores) == ["Animal > Dog"]
    assert one.shown() == one.truth


def test_each_way_has_answers_of_its_own() -> None:
    request = request_for(TWO)
    (query,) = request.queries
    ways = [{query: Detections((found(Box(1, 1, 9, 9)),))}, {query: Detections(())}]

    item = answered(ways, request, Truth(), seconds=(1.0, 0.5))

    assert [len(next(boxes_on(item, way)).found) for way in (0, 1)] == [1, 0]
