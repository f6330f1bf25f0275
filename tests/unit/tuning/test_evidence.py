"""What an annotation says of a label's boxes, seen and unseen."""

from __future__ import annotations

from typing import Any

import pytest

from backend.label_studio.records import TaskRow
from backend.plain import Json
from backend.review.cached_answers import CachedAnswers
from backend.review.comparison import base_of, review_of
from backend.review.tally import Reviews
from backend.tuning.evidence import Evidence, OnImage, ScoredBox
from models.types import Box
from tests.reviewer import OURS, box
from tests.unit.review.test_cached_answers import cached

CAR, PERSON = ("box", "car"), ("box", "person")
#: The same places, in percent of the image and in its pixels.
PLACES = {"left": (10, 10), "right": (60, 10), "low": (10, 60)}
PIXELS = {"left": Box(20, 10, 60, 30), "right": Box(120, 10, 160, 30), "low": Box(20, 60, 60, 80)}


def at(name: str, label: str, place: str, score: float | None = None, **more: Any) -> Json:
    x, y = PLACES[place]
    return {**box(name, label, x, y, 20, 20, score), **more}


def gathered(
    predicted: list[Json],
    submitted: list[Json],
    answers: CachedAnswers | None = None,
    version: str = OURS,
    asked: tuple[str, ...] = (),
    **annotation: object,
) -> Evidence:
    row = {"id": 5, "model_version": version, "result": predicted}
    made = {
        "id": 1, "task": 1, "lead_time": 9.0, "created_at": "2026-11-20T08:00:00Z", "parent_prediction": 5,
        "result": submitted, **annotation,
    }  # fmt: skip
    task = TaskRow.model_validate(
        {
            "id": 1,
            "data": {"image": "http://images.example/1.png"},
            "predictions": [row],
            "annotations": [made],
        }
    )
    (one,) = task.annotations
    evidence = Evidence(Reviews(asked), frozenset({CAR, PERSON}), answers)
    evidence.add(review_of(one, base_of(one, {5: task.predictions[0]})), task)
    return evidence


def of(evidence: Evidence, key: tuple[str, str] = CAR) -> OnImage:
    (found,) = evidence.found[key]
    return found


def test_what_stays_is_right_and_what_goes_is_wrong() -> None:
    predicted = [at("a", "car", "left", 0.9), at("b", "car", "right", 0.6)]

    found = of(gathered(predicted, [at("a", "car", "left", 0.9, origin="prediction")]))

    assert found.boxes == (ScoredBox(0.9, True), ScoredBox(0.6, False))
    assert (found.there, found.known) == (1, False)


def test_a_relabelled_box_was_wrong_for_one_label_and_missed_by_the_other() -> None:
    """Its score is that of the label which was predicted, and says nothing of the other."""
    evidence = gathered(
        [at("a", "car", "left", 0.9)],
        [at("a", "person", "left", 0.9, origin="prediction-changed")],
    )

    assert of(evidence).boxes == (ScoredBox(0.9, False),)
    assert of(evidence).there == 0
    assert (of(evidence, PERSON).boxes, of(evidence, PERSON).there) == ((), 1)


def test_answers_below_the_threshold_are_right_where_a_person_drew() -> None:
    """Those that were shown are the same boxes, and counted once."""
    answers = cached(
        ("car", PIXELS["left"], 0.9), ("car", PIXELS["right"], 0.4), ("car", PIXELS["low"], 0.3)
    )

    found = of(
        gathered(
            [at("a", "car", "left", 0.9)],
            [
                at("a", "car", "left", 0.9, origin="prediction"),
                at("n", "car", "right", origin="manual"),
            ],
            answers,
        )
    )

    assert found.known
    assert found.there == 2
    assert set(found.boxes) == {
        ScoredBox(0.9, True, phrase="car"),
        ScoredBox(0.4, True, shown=False, phrase="car"),
        ScoredBox(0.3, False, shown=False, phrase="car"),
    }


def test_answers_of_other_models_than_those_reviewed_tell_nothing() -> None:
    """The box that people saw is not among them, or has another score."""
    predicted = [at("a", "car", "left", 0.9)]
    kept = [at("a", "car", "left", 0.9, origin="prediction")]
    others = cached(("car", PIXELS["left"], 0.8), ("car", PIXELS["low"], 0.3))

    found = of(gathered(predicted, kept, others))

    assert not found.known
    assert found.boxes == (ScoredBox(0.9, True),)


def test_a_calibrated_score_is_read_as_the_raw_one() -> None:
    predicted = [at("a", "car", "left", 0.2, meta={"raw_score": 0.9})]

    found = of(gathered(predicted, predicted, cached(("car", PIXELS["left"], 0.9))))

    assert found.boxes == (ScoredBox(0.9, True, phrase="car"),)


def test_a_box_that_a_head_called_otherwise_tells_of_the_label_that_was_predicted() -> None:
    """Its threshold showed it, so it says nothing of the threshold of the label that it shows."""
    called = {"raw_score": 0.9, "predicted_label": "person"}
    predicted = [at("a", "car", "left", 0.7, meta=called)]

    evidence = gathered(predicted, predicted, cached(("person", PIXELS["left"], 0.9)))

    assert of(evidence, PERSON).boxes == (ScoredBox(0.9, True, phrase="person"),)
    assert of(evidence, PERSON).known
    assert CAR not in evidence.found


def test_what_a_head_left_out_is_no_evidence_for_a_threshold() -> None:
    """Its box is cached, and reaches the threshold; one that does not was hidden by that."""
    answers = cached(("car", PIXELS["left"], 0.9), ("car", PIXELS["low"], 0.4), leaves_out=("car",))

    assert of(gathered([], [], answers)).boxes == (
        ScoredBox(0.4, False, shown=False, phrase="car"),
    )


def test_an_image_with_unseen_answers_only_is_told() -> None:
    found = of(gathered([], [], cached(("car", PIXELS["left"], 0.3))))

    assert (found.boxes, found.there) == ((ScoredBox(0.3, False, shown=False, phrase="car"),), 0)


@pytest.mark.parametrize(
    "annotation",
    [
        {"lead_time": 0.5},  # untouched, faster than anybody looks
        {"lead_time": None},  # accepted in bulk
        {"was_cancelled": True},
        {"parent_prediction": None, "prediction": {}},  # drawn from nothing
    ],
)
def test_what_nobody_judged_says_nothing(annotation: dict[str, Any]) -> None:
    predicted = [at("a", "car", "left", 0.9)]

    assert not gathered(predicted, predicted, **annotation).found


def test_other_tools_predictions_say_nothing_unless_asked_for() -> None:
    predicted = [at("a", "car", "left", 0.9)]

    assert not gathered(predicted, [], version="yolo-v8").found
    assert of(gathered(predicted, [], version="yolo-v8", asked=("yolo-v8",))).version == "yolo-v8"
