"""Only what a person has looked at teaches."""

from __future__ import annotations

from typing import Any

from backend.label_studio.records import TaskRow
from backend.learning.verified import Verified
from tests.reviewer import OURS, predicted


def task(*annotations: dict[str, Any]) -> TaskRow:
    """Of a task with a prediction of ours."""
    rows = [
        {
            "id": n,
            "task": 1,
            "lead_time": 9.0,
            "result": predicted(1),
            "parent_prediction": 5,
            **one,
        }
        for n, one in enumerate(annotations, start=1)
    ]
    prediction = {"id": 5, "model_version": OURS, "result": predicted(1)}
    return TaskRow.model_validate(
        {"id": 1, "data": {}, "annotations": rows, "predictions": [prediction]}
    )


EDITED = {"result": [{**one, "origin": "prediction"} for one in predicted(1)][1:]}


def test_an_edited_annotation_teaches() -> None:
    verified = Verified()

    assert verified.of(task(EDITED)) is not None
    assert (verified.used, list(verified.notes())) == (1, [])


def test_bulk_accepts_skips_and_hasty_ones_do_not_and_it_is_said() -> None:
    verified = Verified()
    bulk = {"lead_time": None}
    hasty = {
        "lead_time": 1.0,
        "result": [{**one, "origin": "prediction"} for one in predicted(1)],
    }

    for one in (bulk, hasty, {"was_cancelled": True, "result": []}):
        assert verified.of(task(one)) is None

    said = "\n".join(verified.notes())
    assert "nobody looked: 1 annotation made in bulk or imported" in said
    assert "1 annotation submitted untouched in under 2 s" in said
    assert "1 task that were skipped" in said or "skipped" in said
    assert "none of the 3 annotations was reviewed by a person" in verified.why_nothing()


def test_no_annotation_yet_is_a_sentence() -> None:
    assert "there is no annotation to learn from" in Verified().why_nothing()


def test_annotations_older_than_us_and_of_other_tools_count_and_it_is_said() -> None:
    verified = Verified()
    older = {
        "parent_prediction": None,
        "result": [{**one, "origin": "manual"} for one in predicted(1)],
    }
    row = task(EDITED)
    other = row.predictions[0].model_copy(update={"model_version": "yolo-v8"})

    assert verified.of(task(older)) is not None
    assert verified.of(row.model_copy(update={"predictions": (other,)})) is not None

    said = "\n".join(verified.notes())
    assert "1 annotation began from no prediction; what people drew counts" in said
    assert "1 annotation began from other tools' predictions" in said


def test_of_several_annotations_the_latest_counts() -> None:
    verified = Verified()
    found = verified.of(
        task(
            {**EDITED, "created_at": "2026-11-02T08:00:00Z"},
            {**EDITED, "created_at": "2026-11-01T08:00:00Z"},
        )
    )

    assert found is not None
    assert found.id == 1


def test_an_imported_annotation_without_result_is_no_picture_without_things() -> None:
    """Else every box predicted there would pass for one that people delete."""
    empty: dict[str, Any] = {"result": [], "parent_prediction": None}
    verified = Verified()

    assert verified.of(task({**empty, "lead_time": None})) is None
    assert "nobody looked: 1 annotation made in bulk or imported" in verified.why_nothing()
    # Somebody took time over it, and found nothing.
    assert verified.of(task(empty)) is not None
