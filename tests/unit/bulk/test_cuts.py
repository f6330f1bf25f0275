"""All boxes that the models gave, and the same at the thresholds."""

from __future__ import annotations

from backend.bulk.cuts import Cut, cuts_of, kept_at, with_all_boxes
from backend.label_studio.bodies import Region, Task
from backend.prediction.predictor import Predictor, TaskRequests
from backend.prediction.regions import prediction_of
from backend.prediction.request import Answer
from models.types import Box, Classification, Detection, Detections, ImageSize
from tests.unit.bulk.folders import predictor

CONFIG = (
    '<View><Image name="image" value="$photo"/>'
    '<RectangleLabels name="box" toName="image" model_score_threshold="0.5">'
    '<Label value="car" model_score_threshold="0.7"/><Label value="tree"/></RectangleLabels>'
    '<Number name="cars" toName="image" predicted_values="car"/>'
    '<Choices name="scene" toName="image"><Choice value="day"/><Choice value="night"/></Choices></View>'
)
FOUND = (
    Detection(Box(0, 0, 10, 10), "car", 0.9),
    Detection(Box(10, 0, 20, 10), "car", 0.65),
    Detection(Box(0, 10, 10, 20), "tree", 0.6),
    Detection(Box(10, 10, 20, 20), "tree", 0.15),
)


def predicted(asks: Predictor) -> list[Region]:
    requests = asks.requests(Task(id=1, data={"photo": "http://images/a.jpg"}))
    assert isinstance(requests, TaskRequests)
    ((job, request),) = requests.values()
    outputs = tuple(
        Classification(query.candidates, (0.25, 0.75))
        if hasattr(query, "candidates")
        else Detections(FOUND)
        for query in request.queries
    )
    slot = asks.slot(1, requests, {job: Answer(ImageSize(20, 20), outputs, "0" * 64)})
    assert slot.prediction is not None
    return slot.prediction.result


def test_cuts_are_the_thresholds_of_labels_in_their_order() -> None:
    """A label's own, else its tag's."""
    assert cuts_of(predictor(CONFIG).plan) == (Cut("box", "car", 0.7), Cut("box", "tree", 0.5))


def test_all_boxes_are_there_and_the_questions_are_the_same() -> None:
    """What is counted and ticked stays as the label config says."""
    asks = predictor(CONFIG)
    opened = with_all_boxes(asks)
    task = Task(id=1, data={"photo": "http://images/a.jpg"})

    boxes = [one for one in predicted(opened) if one["from_name"] == "box"]
    others = [one for one in predicted(opened) if one["from_name"] != "box"]

    assert [box["score"] for box in boxes] == [0.9, 0.65, 0.6, 0.15]
    assert others == [one for one in predicted(asks) if one["from_name"] != "box"]
    one, other = opened.requests(task), asks.requests(task)
    assert isinstance(one, TaskRequests)
    assert isinstance(other, TaskRequests)
    assert [job for job, _ in one.values()] == [job for job, _ in other.values()]


def test_a_box_that_a_head_called_otherwise_goes_by_the_label_that_was_predicted() -> None:
    """And by its raw score, as the server does."""
    meta = {"raw_score": 0.6, "predicted_label": "tree"}
    called_car = {**predicted(with_all_boxes(predictor(CONFIG)))[0], "score": 0.4, "meta": meta}
    cuts = cuts_of(predictor(CONFIG).plan)

    assert kept_at(cuts, prediction_of([called_car], "v")).result == [called_car]
    low = {**called_car, "score": 0.9, "meta": {**meta, "raw_score": 0.4}}
    assert kept_at(cuts, prediction_of([low], "v")).result == []


def test_what_is_kept_at_the_thresholds_is_what_would_be_predicted() -> None:
    asks = predictor(CONFIG)
    opened = with_all_boxes(asks)
    everything = prediction_of(predicted(opened), asks.version)

    kept = kept_at(cuts_of(asks.plan), everything)

    assert kept.result == predicted(asks)
    assert kept == prediction_of(predicted(asks), asks.version)
