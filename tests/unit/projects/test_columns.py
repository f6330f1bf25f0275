"""Columns of ours where Label Studio refuses the action that merges them."""

from __future__ import annotations

from typing import Any

import pytest

from backend.errors import LabelStudioRefuses
from backend.projects.columns import empty_column, write_column
from backend.projects.our_tabs import REVIEW_COLUMN
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.projects.label_studio import PROJECT, a_label_studio

FORBIDDEN = 403, {"detail": "Action is not allowed for the current user: add_data_field"}
NOT_FOUND = 404, {"detail": "Not found."}


def with_tasks(count: int, refusal: tuple[int, Any] | None) -> StandInLabelStudio:
    made = a_label_studio()
    made.tasks = {
        task: {"image": f"s3://b/{task}%20.png", "more": {"n": [task, None, {"deep": "gs://b/x"}]}}
        for task in range(1, count + 1)
    }
    made.no_data_fields = refusal
    return made


@pytest.mark.parametrize("refusal", [None, FORBIDDEN, NOT_FOUND])
def test_all_other_data_stays_whole(refusal: tuple[int, Any] | None) -> None:
    """Of 200 tasks with nested data and addresses in buckets; and what was in the column before is emptied."""
    studio = with_tasks(200, refusal)
    before = {task: dict(data) for task, data in studio.tasks.items()}
    studio.tasks[200] = {**studio.tasks[200], REVIEW_COLUMN: "0.31"}
    values = {"1.00": [*range(1, 100)], "0.50": [*range(100, 200)]}

    written = sum(write_column(studio.api(), PROJECT, REVIEW_COLUMN, values))

    assert written == 199
    expected = {task: "1.00" if task < 100 else "0.50" for task in range(1, 200)} | {200: ""}
    assert studio.tasks == {
        task: {**before[task], REVIEW_COLUMN: expected[task]} for task in before
    }
    empty_column(studio.api(), PROJECT, REVIEW_COLUMN, [1, 2])
    assert [studio.tasks[task][REVIEW_COLUMN] for task in (1, 2, 3)] == ["", "", "1.00"]


def test_what_somebody_changes_meanwhile_of_tasks_that_wait_stays() -> None:
    """Each task is read right before it is written."""
    studio = with_tasks(3, FORBIDDEN)

    for done, _ in enumerate(
        write_column(studio.api(), PROJECT, REVIEW_COLUMN, {"1.00": [1, 2, 3]})
    ):
        if done < 2:
            studio.tasks[done + 2] = {**studio.tasks[done + 2], "note": "by somebody"}

    assert [data.get("note") for data in studio.tasks.values()] == [
        None,
        "by somebody",
        "by somebody",
    ]
    assert all(data[REVIEW_COLUMN] == "1.00" for data in studio.tasks.values())


def test_another_refusal_is_said() -> None:
    studio = with_tasks(1, (400, {"detail": "no"}))

    with pytest.raises(LabelStudioRefuses, match="no"):
        list(write_column(studio.api(), PROJECT, REVIEW_COLUMN, {"1.00": [1]}))
    assert REVIEW_COLUMN not in studio.tasks[1]
