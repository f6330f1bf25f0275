"""What Label Studio's JSON becomes at the border, and what an odd value takes with it: itself alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.label_studio.bodies import Task
from backend.label_studio.records import AnnotationRow, ExportedTask, Project, TaskRow

SUBMITTED: dict[str, Any] = {
    "id": 8,
    "task": 1,
    "completed_by": {"id": 2, "email": "ann@example.com"},
    "result": [{"id": "a"}],
    "was_cancelled": False,
    "ground_truth": True,
    "lead_time": 7.25,
    "created_at": "2026-11-20T20:48:18.345678Z",
    "updated_at": "2026-11-21T20:48:18.345678Z",
    "parent_prediction": 5,
    "prediction": {"id": 5, "model_version": "tiny-1", "score": 0.5, "result": [{"id": "a"}]},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def test_an_annotation_says_who_made_what_of_which_prediction() -> None:
    """The copy of the prediction stays when its row is gone."""
    row = AnnotationRow.model_validate(SUBMITTED)

    assert (row.id, row.task, row.completed_by, row.lead_time) == (8, 1, 2, 7.25)
    assert (row.ground_truth, row.was_cancelled, row.is_whole) == (True, False, True)
    assert row.parent_prediction == 5
    assert row.prediction is not None
    assert (row.prediction.model_version, row.prediction.score) == ("tiny-1", 0.5)
    assert row.prediction.result == row.result == [{"id": "a"}]


def test_a_bulk_accept_has_no_copy_and_no_time() -> None:
    row = AnnotationRow.model_validate({**SUBMITTED, "prediction": {}, "lead_time": None})

    assert (row.prediction, row.lead_time) == (None, None)


@pytest.mark.parametrize("odd", [7, None, "x", []])
def test_an_annotation_that_cannot_be_read_is_named_and_the_others_are_read(odd: object) -> None:
    task = ExportedTask.model_validate({"id": 1, "data": {}, "annotations": [odd, SUBMITTED]})

    assert [one.id for one in task.annotations] == [8]
    (reason,) = task.unread
    assert reason.message.startswith("annotations, entry 1, cannot be read: ")


def test_a_row_whose_result_is_none_is_a_row_all_the_same() -> None:
    """Who counts rows, and who looks which of them annotations name, must see it."""
    rows = {
        "predictions": [{"id": 5, "result": None}],
        "annotations": [{**SUBMITTED, "result": {}}],
    }
    task = TaskRow.model_validate({"id": 1, **rows})

    assert [(row.id, row.result) for row in task.predictions] == [(5, None)]
    assert [(row.parent_prediction, row.result) for row in task.annotations] == [(5, None)]


def test_a_prediction_that_cannot_be_read_is_named_and_the_others_are_read() -> None:
    rows = [{"id": "seven"}, {"id": 3, "model_version": None}]
    task = TaskRow.model_validate({"id": 1, "predictions": rows, "annotations": 5})

    assert [(row.id, row.model_version) for row in task.predictions] == [(3, "")]
    assert "predictions, entry 1" in task.unread[0].message


@given(JSON, st.sampled_from([key for key in SUBMITTED if key not in ("result", "id")]))
def test_no_odd_value_of_a_field_takes_an_annotation_down(odd: object, field: str) -> None:
    task = ExportedTask.model_validate({"annotations": [{**SUBMITTED, field: odd}]})

    assert [one.id for one in task.annotations] == [8]
    assert task.unread == ()


def test_half_an_emoji_is_a_text_like_any_other() -> None:
    """Label Studio stores it."""
    project = Project.model_validate(
        {
            "id": 4,
            "title": "\ud83d",
            "label_config": None,
            "model_version": None,
            "show_collab_predictions": True,
            "task_number": 2,
            "created_at": "2026-11-20T20:48:18.345678Z",
        }
    )

    assert (project.title, project.label_config, project.model_version) == ("\ud83d", "", "")
    assert str(project.key) == "4.1795207698"


@pytest.mark.parametrize("data", [None, 5, "text", [{"image": "a"}]])
def test_a_task_whose_data_is_none_fails_alone(data: object) -> None:
    task = Task.of(TaskRow(id=3, data=data))

    assert task.id == 3
    assert task.failure is not None
    assert "expected an object" in task.failure.message
