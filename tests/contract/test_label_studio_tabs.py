"""Tabs and what they list, over the real Label Studio and over the stand-in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backend.errors import LabelStudioUnavailable
from backend.label_studio.reviewed_tasks import ReviewedTasks
from backend.label_studio.task_filters import none_of, scored, some_of
from backend.projects.our_tabs import (
    REVIEW_COLUMN,
    our_tabs,
    review_first,
    review_first_by_column,
)
from tests.contract.desks import VERSION, Desk, ids_of, row


def test_tabs_are_made_changed_and_removed(desk: Desk) -> None:
    """A change replaces what a tab is; an empty order leaves the one that was."""
    (first, second) = [none_of("total_annotations"), some_of("total_predictions")]
    made = desk.api.create_view(
        desk.project,
        {
            "title": "<b>a\u202e",
            "filters": {"conjunction": "and", "items": [first]},
            "ordering": ["-tasks:id"],
            "columnsWidth": {"tasks:id": 99},
        },
    )
    desk.api.create_view(desk.project, {"title": "other"})

    (listed, other) = desk.api.views(desk.project)
    assert listed == made
    assert (listed.data.title, listed.data.ordering) == ("<b>a\u202e", ["-tasks:id"])
    assert listed.data.model_extra == {"columnsWidth": {"tasks:id": 99}}

    changed = {"title": "b", "filters": {"conjunction": "and", "items": [second]}, "ordering": []}
    desk.api.update_view(made.id, changed)

    after = desk.api.views(desk.project)[0]
    assert (after.id, after.data.title, after.data.ordering) == (made.id, "b", ["-tasks:id"])
    assert after.data.filters == {"conjunction": "and", "items": [second]}
    assert after.data.model_extra == {}
    desk.api.delete_view(made.id)
    assert [view.id for view in desk.api.views(desk.project)] == [other.id]


def test_each_tab_of_ours_lists_what_it_says(desk: Desk) -> None:
    """Of tasks that nobody has annotated; by rows of the version shown, of an older one, and of other tools."""
    old, other = "tiny-aaaaaaaaaa", "yolo-v8"
    box = {
        "from_name": "box",
        "to_name": "image",
        "type": "rectanglelabels",
        "score": 0.5,
        "value": {
            "x": 1,
            "y": 1,
            "width": 9,
            "height": 9,
            "rotation": 0,
            "rectanglelabels": ["star"],
        },
    }
    sure, unsure, nothing, nothing_now, failed, was, was_empty, others, seen = desk.add_tasks(9)
    rows = [
        row(sure) | {"score": 0.9, "result": [box]},
        row(sure, old) | {"score": 0.1, "result": [box]},
        row(unsure) | {"score": 0.4, "result": [box]},
        row(unsure, old),
        row(nothing),
        row(nothing_now),
        row(nothing_now, old) | {"score": 0.3, "result": [box]},
        row(was, old) | {"score": 0.3, "result": [box]},
        row(was_empty, old),
        row(others, other) | {"score": 0.2, "result": [box]},
        row(seen) | {"score": 0.1, "result": [box]},
    ]
    assert desk.api.import_predictions(desk.project, rows) == len(rows)
    desk.annotate(seen)
    desk.api.update_project(desk.project, model_version=VERSION)

    listed = {
        tab.title.removeprefix("Firstpass: "): ids_of(
            desk.api.pages(desk.project, filters=tab.filters)
        )
        for tab in our_tabs(VERSION)
    }

    assert listed == {
        "least sure": [sure, unsure],
        "nothing found": [nothing, nothing_now],
        "failed": [failed],
        "changed since": [was, was_empty, others],
    }


def test_tabs_of_the_order_list_what_nobody_has_annotated(desk: Desk) -> None:
    """By ids, each once and until somebody has annotated it; by a column those in which it says something."""
    tasks = desk.add_tasks(5)
    desk.api.import_predictions(desk.project, [row(task) for task in tasks])
    desk.annotate(tasks[1])
    column = review_first_by_column().filters
    assert desk.api.count_tasks(desk.project, filters=column) == 0
    data = {task.id: task.data for page in desk.api.pages(desk.project) for task in page}

    desk.api.set_column(desk.project, REVIEW_COLUMN, "0.99", tasks[:3])
    desk.api.set_column(desk.project, REVIEW_COLUMN, "", tasks[2:4])

    by_ids = review_first(tasks[:3]).filters
    assert ids_of(desk.api.pages(desk.project, filters=by_ids)) == [tasks[0], tasks[2]]
    assert desk.api.count_tasks(desk.project, filters=by_ids) == 2
    assert ids_of(desk.api.pages(desk.project, filters=column)) == [tasks[0]]
    written = {tasks[0]: "0.99", tasks[1]: "0.99", tasks[2]: "", tasks[3]: ""}
    assert {task.id: task.data for page in desk.api.pages(desk.project) for task in page} == {
        task: one | ({REVIEW_COLUMN: written[task]} if task in written else {})
        for task, one in data.items()
    }


def test_the_column_of_one_task_stands_beside_all_its_data(desk: Desk) -> None:
    """Nested data, numbers and addresses in buckets stay as they are stored; a task that is gone is left."""
    before = {
        "image": "s3://bucket/1%20.png",
        "more": {"pages": ["gs://bucket/a.png", None, 0.5, True], "empty": {}},
        "note": "gr\u00fcn & <b>",
        REVIEW_COLUMN: "0.50",
    }
    task, (other, gone) = desk.add_task(before), desk.add_tasks(2)
    desk.delete_task(gone)

    for each in (task, gone):
        desk.api.set_column_of(desk.project, REVIEW_COLUMN, "0.99", each)

    found = {one.id: one.data for page in desk.api.pages(desk.project) for one in page}
    assert found == {
        task: {**before, REVIEW_COLUMN: "0.99"},
        other: {"image": "s3://bucket/0%20.png"},
    }


def test_a_column_of_no_task_is_written_into_none(desk: Desk) -> None:
    """An empty choice would be all tasks to Label Studio."""
    tasks = desk.add_tasks(2)

    desk.api.set_column(desk.project, REVIEW_COLUMN, "1.00", [])

    (page,) = desk.api.pages(desk.project)
    assert [REVIEW_COLUMN in task.data for task in page] == [False] * len(tasks)


def test_annotated_tasks_are_listed_by_when_they_were_annotated(desk: Desk) -> None:
    """A day more than is asked for, for Label Studio's own time zone."""
    seen, *_ = desk.add_tasks(3)
    desk.annotate(seen)
    now, day = datetime.now(UTC), timedelta(days=1)
    tasks = ReviewedTasks(desk.api, desk.project)

    for since, found in ((now - day, [seen]), (now, [seen]), (now + 2 * day, [])):
        assert [task.id for task in tasks.listed(since=since)] == found
    (before,) = tasks.listed()
    desk.annotate_again(seen)
    (after,) = tasks.listed()
    assert before.stamp != after.stamp


def test_where_there_is_no_task_none_can_be_asked_for_by_score(desk: Desk) -> None:
    """Label Studio's pages show its error, too, so no such tab is made there."""
    filters = {"conjunction": "and", "items": [scored()]}

    with pytest.raises(LabelStudioUnavailable, match="predictions_score"):
        desk.api.count_tasks(desk.project, filters=filters)
    desk.add_tasks(1)
    assert desk.api.count_tasks(desk.project, filters=filters) == 0
