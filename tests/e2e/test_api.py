"""`LabelStudioApi` against the real one: tasks and rows while both change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.images import demo_images
from backend.errors import LabelStudioRefuses
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import TaskRow
from tests.e2e.killing import wait_until

VERSION = "tiny-0123456789"


@pytest.fixture
def api(both: Running) -> Iterator[LabelStudioApi]:
    with LabelStudioApi.from_settings(both.settings) as made:
        yield made


@pytest.fixture
def project(client: LabelStudioClient, demo_config: str, request: pytest.FixtureRequest) -> int:
    """A project that no backend is connected to."""
    return client.create_project(request.node.name[:50], demo_config)


def import_tasks(client: LabelStudioClient, project: int, count: int) -> list[int]:
    data = [{"image": f"s3://bucket/{number}%20.png"} for number in range(count)]
    return client.import_tasks(project, data)


def delete_task(client: LabelStudioClient, project: int, task: int) -> None:
    chosen = {"selectedItems": {"all": False, "included": [task]}}
    client.post(f"/api/dm/actions?id=delete_tasks&project={project}", chosen)


def row(task: int, version: str = VERSION) -> dict[str, Any]:
    return {"task": task, "result": [], "score": None, "model_version": version}


def ids_of(pages: Iterator[list[TaskRow]]) -> list[int]:
    return [task.id for page in pages for task in page]


def test_no_task_is_skipped_while_rows_take_tasks_out_of_the_filter(
    api: LabelStudioApi, client: LabelStudioClient, project: int
):
    """Each page's rows are written before the next page is asked; a task goes, others come."""
    tasks = import_tasks(client, project, 30)
    lacking = {
        "filter": "filter:tasks:predictions_model_versions",
        "operator": "not_contains",
        "type": "List",
        "value": [VERSION],
    }
    seen, added = [], []
    for page in api.pages(project, filters={"conjunction": "and", "items": [lacking]}, page_size=7):
        seen += [task.id for task in page]
        assert api.import_predictions(project, [row(task.id) for task in page]) == len(page)
        if len(seen) == 7:
            delete_task(client, project, tasks[10])
            added = import_tasks(client, project, 2)

    assert seen == [task for task in tasks if task != tasks[10]] + added
    assert api.rows_of(project, VERSION, seen).lacking == set()


def test_pages_hold_the_data_as_predict_gets_it(
    api: LabelStudioApi, client: LabelStudioClient, project: int
):
    """Cloud addresses as they were imported, percent signs and all."""
    import_tasks(client, project, 2)

    ((first, _),) = api.pages(project)

    assert first.data == {"image": "s3://bucket/0%20.png"}


def test_a_view_whose_filters_are_joined_by_or_is_walked_whole(
    api: LabelStudioApi, client: LabelStudioClient, project: int
):
    """Also where a filter has one below it, and holds a percent sign; `ids` narrow it down."""
    tasks = import_tasks(client, project, 30)
    between = {"filter": "filter:tasks:id", "operator": "in", "type": "Number"}
    named = {"filter": "filter:tasks:data.image", "operator": "contains", "type": "String"}
    below = {"filter": "filter:tasks:id", "operator": "less", "type": "Number", "value": tasks[25]}
    items = [
        {**between, "value": {"min": tasks[3], "max": tasks[22]}},
        {**named, "value": "/2", "child_filter": below},
        {**named, "value": "9%20"},
    ]
    view = client.post(
        "/api/dm/views/",
        {"project": project, "data": {"filters": {"conjunction": "or", "items": items}}},
    )

    expected = [
        task
        for number, task in enumerate(tasks)
        if 3 <= number <= 22 or number in (2, 23, 24) or number % 10 == 9
    ]
    assert ids_of(api.pages(project, view=view["id"], page_size=4)) == expected
    assert ids_of(api.pages(project, view=view["id"], ids=tasks[:5])) == tasks[2:5]


def test_lacking_and_doubled_are_exact(
    api: LabelStudioApi, client: LabelStudioClient, project: int
):
    """Versions that contain ours, doubled rows, tasks that are gone or of another project."""
    tasks = import_tasks(client, project, 24)
    gone, other = tasks[23], import_tasks(client, client.create_project("Other", "<View/>"), 1)[0]
    delete_task(client, project, gone)
    api.import_predictions(project, [row(task) for task in tasks[:20]])
    twice = [client.post("/api/predictions/", row(task))["id"] for task in tasks[5:8]]
    api.create_prediction(row(tasks[20], f"x{VERSION}"))
    api.create_prediction(row(tasks[21], f"{VERSION}0"))
    api.create_prediction(row(tasks[1], "another"))

    stored = api.rows_of(project, VERSION, [*tasks, other])
    assert stored.lacking == set(tasks[20:23])
    doubled = stored.doubled
    assert [rows[-1] for rows in doubled.values()] == twice
    assert doubled.keys() == set(tasks[5:8])
    assert api.model_versions(project)[VERSION] == 23

    for rows in doubled.values():
        for extra in rows[1:]:
            api.delete_prediction(extra)

    assert api.rows_of(project, VERSION, tasks).doubled == {}
    assert [found.id for found in api.task(tasks[5]).predictions] == [doubled[tasks[5]][0]]


def test_listing_starts_no_prediction(
    api: LabelStudioApi, both: Running, client: LabelStudioClient, demo_config: str
):
    """Not even where the project wants what has none predicted when it is listed."""
    project = client.create_project("Listing", demo_config, evaluate_predictions_automatically=True)
    client.connect(project, both.backend)
    tasks = client.upload(project, {image.name: image.png for image in demo_images(1)})

    assert ids_of(api.pages(project)) == tasks
    assert api.rows_of(project, VERSION, tasks).lacking == set(tasks)
    assert client.predictions(project) == []

    client.tasks(project)  # as the Data Manager lists
    wait_until(lambda: len(client.predictions(project)) == 1)


def test_who_and_what_answers(api: LabelStudioApi, both: Running, project: int):
    """And which projects there are."""
    assert api.version() == both.label_studio.version
    assert api.email() == both.label_studio.login.email
    assert project in api.titles()


def test_an_unknown_project_is_said(api: LabelStudioApi):
    """By its id, with what it may be."""
    for ask in (lambda: api.project(999_999), lambda: list(api.pages(999_999))):
        with pytest.raises(LabelStudioRefuses, match="No Project matches") as caught:
            ask()
        assert caught.value.status == 404


def test_one_row_for_a_task_that_is_gone_refuses_all(
    api: LabelStudioApi, client: LabelStudioClient, project: int
):
    """So who writes must look at what is there first."""
    tasks = import_tasks(client, project, 2)

    with pytest.raises(LabelStudioRefuses):
        api.import_predictions(project, [row(tasks[0]), row(999_999)])

    assert api.rows_of(project, VERSION, tasks).lacking == set(tasks)
