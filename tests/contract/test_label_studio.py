"""`LabelStudioApi` over the real Label Studio and over the stand-in: both answer the same."""

from __future__ import annotations

import pytest

from backend.errors import LabelStudioRefuses
from tests.contract.desks import VERSION, Desk, ids_of, row


def test_no_task_is_skipped_while_rows_take_tasks_out_of_the_filter(desk: Desk) -> None:
    """Each page's rows are written before the next page is asked; a task goes, others come."""
    tasks = desk.add_tasks(30)
    lacking = {
        "filter": "filter:tasks:predictions_model_versions",
        "operator": "not_contains",
        "type": "List",
        "value": [VERSION],
    }
    seen, added = [], []
    for page in desk.api.pages(
        desk.project, filters={"conjunction": "and", "items": [lacking]}, page_size=7
    ):
        seen += [task.id for task in page]
        rows = [row(task.id) for task in page]
        assert desk.api.import_predictions(desk.project, rows) == len(page)
        if len(seen) == 7:
            desk.delete_task(tasks[10])
            added = desk.add_tasks(2)

    assert seen == [task for task in tasks if task != tasks[10]] + added
    assert desk.api.rows_of(desk.project, VERSION, seen).lacking == set()


def test_pages_hold_the_data_as_predict_gets_it(desk: Desk) -> None:
    """Cloud addresses as they were imported, percent signs and all."""
    desk.add_tasks(2)

    ((first, _),) = desk.api.pages(desk.project)

    assert first.data == {"image": "s3://bucket/0%20.png"}


def test_a_view_whose_filters_are_joined_by_or_is_walked_whole(desk: Desk) -> None:
    """Also where a filter has one below it, and holds a percent sign; `ids` narrow it down."""
    tasks = desk.add_tasks(30)
    between = {"filter": "filter:tasks:id", "operator": "in", "type": "Number"}
    named = {"filter": "filter:tasks:data.image", "operator": "contains", "type": "String"}
    below = {"filter": "filter:tasks:id", "operator": "less", "type": "Number", "value": tasks[25]}
    items = [
        {**between, "value": {"min": tasks[3], "max": tasks[22]}},
        {**named, "value": "/2", "child_filter": below},
        {**named, "value": "9%20"},
    ]
    view = desk.add_view({"conjunction": "or", "items": items})

    expected = [
        task
        for number, task in enumerate(tasks)
        if 3 <= number <= 22 or number in (2, 23, 24) or number % 10 == 9
    ]
    assert ids_of(desk.api.pages(desk.project, view=view, page_size=4)) == expected
    assert ids_of(desk.api.pages(desk.project, view=view, ids=tasks[:5])) == tasks[2:5]


def test_lacking_and_doubled_are_exact(desk: Desk) -> None:
    """Versions that contain ours, doubled rows, tasks that are gone or of another project."""
    tasks = desk.add_tasks(24)
    gone, other = tasks[23], desk.task_of_another_project()
    desk.delete_task(gone)
    desk.api.import_predictions(desk.project, [row(task) for task in tasks[:20]])
    for task in tasks[5:8]:
        desk.api.create_prediction(row(task))
    twice = [desk.api.task(task).predictions for task in tasks[5:8]]
    desk.api.create_prediction(row(tasks[20], f"x{VERSION}"))
    desk.api.create_prediction(row(tasks[21], f"{VERSION}0"))
    desk.api.create_prediction(row(tasks[1], "another"))

    stored = desk.api.rows_of(desk.project, VERSION, [*tasks, other])
    assert stored.lacking == set(tasks[20:23])
    doubled = stored.doubled
    assert [rows[-1] for rows in doubled.values()] == [max(r.id for r in rows) for rows in twice]
    assert doubled.keys() == set(tasks[5:8])
    assert desk.api.model_versions(desk.project)[VERSION] == 23

    for rows in doubled.values():
        for extra in rows[1:]:
            desk.api.delete_prediction(extra)

    assert desk.api.rows_of(desk.project, VERSION, tasks).doubled == {}
    assert [found.id for found in desk.api.task(tasks[5]).predictions] == [doubled[tasks[5]][0]]


def test_who_and_what_answers(desk: Desk) -> None:
    """And which projects there are."""
    assert desk.api.version().startswith("1.23")
    assert "@" in desk.api.email()
    assert desk.project in desk.api.titles()
    assert desk.api.label_configs()[desk.project] == desk.api.project(desk.project).label_config


def test_an_unknown_project_is_said(desk: Desk) -> None:
    """By its id, with what it may be."""
    for ask in (lambda: desk.api.project(999_999), lambda: list(desk.api.pages(999_999))):
        with pytest.raises(LabelStudioRefuses, match="No Project matches") as caught:
            ask()
        assert caught.value.status == 404


def test_one_row_for_a_task_that_is_gone_refuses_all(desk: Desk) -> None:
    """So who writes must look at what is there first."""
    tasks = desk.add_tasks(2)

    with pytest.raises(LabelStudioRefuses):
        desk.api.import_predictions(desk.project, [row(tasks[0]), row(999_999)])

    assert desk.api.rows_of(desk.project, VERSION, tasks).lacking == set(tasks)


def test_one_row_for_a_task_that_is_gone_is_refused(desk: Desk) -> None:
    """By itself, too; and a row that is not there is not deleted."""
    with pytest.raises(LabelStudioRefuses):
        desk.api.create_prediction(row(999_999))
    with pytest.raises(LabelStudioRefuses) as caught:
        desk.api.delete_prediction(999_999)

    assert caught.value.status == 404


def test_rows_are_counted_and_deleted_by_version(desk: Desk) -> None:
    """Of exactly that version; the others stay."""
    tasks = desk.add_tasks(3)
    desk.api.import_predictions(desk.project, [row(task) for task in tasks])
    desk.api.import_predictions(desk.project, [row(tasks[0], "another")])

    assert desk.api.delete_model_version(desk.project, VERSION) == 3

    assert desk.api.model_versions(desk.project) == {"another": 1}
    assert desk.api.rows_of(desk.project, "another", tasks).lacking == set(tasks[1:])


def test_tasks_are_told_apart_by_their_annotations(desk: Desk) -> None:
    """As `prelabel` leaves out what somebody has annotated; counts agree with lists."""
    tasks = desk.add_tasks(3)
    desk.annotate(tasks[1])
    unlabeled = {
        "filter": "filter:tasks:total_annotations",
        "operator": "equal",
        "type": "Number",
        "value": 0,
    }
    filters = {"conjunction": "and", "items": [unlabeled]}

    assert ids_of(desk.api.pages(desk.project, filters=filters)) == [tasks[0], tasks[2]]
    assert desk.api.count_tasks(desk.project, filters=filters) == 2
    assert [task.id for task in desk.api.annotated(desk.project)] == [tasks[1]]
    assert [one.result for one in desk.api.annotations(tasks[1])] == [[]]


def test_a_project_keeps_what_it_is_told(desk: Desk) -> None:
    """A version that it has rows of, and whether predictions are shown."""
    (task,) = desk.add_tasks(1)
    desk.api.create_prediction(row(task))

    desk.api.update_project(desk.project, model_version=VERSION, show_collab_predictions=False)

    found = desk.api.project(desk.project)
    assert found.model_version == VERSION
    assert found.show_collab_predictions is False
    assert found.task_number == 1


def test_an_export_gives_the_tasks_that_were_asked_for_with_their_annotations(desk: Desk) -> None:
    """Of predictions it has the ids alone, so it tells none; a task that is gone is left out."""
    annotated, other, gone = desk.add_tasks(3)
    desk.annotate(annotated)
    desk.annotate(other)
    desk.api.import_predictions(desk.project, [row(annotated, VERSION)])
    desk.delete_task(gone)

    exported = desk.api.exported(desk.project, [annotated, gone])

    assert [task.id for task in exported] == [annotated]
    assert len(exported[0].annotations) == 1
    assert exported[0].annotations[0].result == []
    assert not exported[0].tells("predictions")
    assert desk.api.predictions_of(desk.project, [annotated])[annotated][0].model_version == VERSION
