"""Walking a list of tasks that changes meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backend.label_studio.records import TaskRow
from backend.label_studio.task_walk import query_text, walk
from backend.plain import Json


class Project:
    """Tasks of a project as `list_tasks` gives them, `size` at a time; `matches` stands for the filters."""

    def __init__(self, ids: range, size: int = 10) -> None:
        self.ids = list(ids)
        self.size = size
        self.queries: list[Json] = []
        self.matches: dict[str, Callable[[int], bool]] = {}
        self.after_page: Callable[[], None] = lambda: None

    def __call__(self, query: Json) -> tuple[list[TaskRow], int]:
        self.queries.append(query)
        assert query["filters"]["conjunction"] == "and"
        *items, above = query["filters"]["items"]
        found = [
            task
            for task in self.ids
            if task > above["value"] and all(self.matches[item["filter"]](task) for item in items)
        ]
        page = [TaskRow(id=task) for task in found[: self.size]]
        self.after_page()
        return page, len(found)


def ids(project: Project, filters: Json | None = None) -> list[int]:
    return [task.id for task in walk(project, filters)]


@pytest.mark.parametrize("tasks", [0, 1, 9, 10, 11, 20, 95])
def test_every_task_comes_once_in_order(tasks: int) -> None:
    """Whether or not the last page is full."""
    assert ids(Project(range(1, tasks + 1))) == list(range(1, tasks + 1))


def test_a_task_that_leaves_the_filter_makes_none_be_skipped() -> None:
    """As when each page's predictions are written before the next page is asked."""
    project = Project(range(1, 41))
    written: set[int] = set()
    project.matches["lacking"] = lambda task: task not in written

    seen = []
    for task in walk(project, {"conjunction": "and", "items": [{"filter": "lacking"}]}):
        written.add(task.id)
        seen.append(task.id)

    assert seen == list(range(1, 41))


def test_tasks_deleted_and_added_on_the_way_are_no_trouble() -> None:
    """The deleted ones are missing, the added ones come, and nothing comes twice."""
    project = Project(range(1, 31))

    def change() -> None:
        project.ids = [task for task in project.ids if task not in (2, 15)]
        if 99 not in project.ids:
            project.ids.append(99)

    project.after_page = change

    assert ids(project) == [task for task in range(1, 31) if task != 15] + [99]


def test_a_server_that_gives_smaller_pages_than_asked_is_walked_to_the_end() -> None:
    """Its operator may have bounded them."""
    assert ids(Project(range(1, 8), size=2)) == list(range(1, 8))


def test_filters_joined_by_or_are_walked_one_by_one_and_merged() -> None:
    """A task that several of them match comes once."""
    project = Project(range(1, 31), size=4)
    project.matches = {
        "even": lambda task: task % 2 == 0,
        "third": lambda task: task % 3 == 0,
        "none": lambda task: False,
    }
    items = [{"filter": name} for name in project.matches]

    found = ids(project, {"conjunction": "or", "items": items})

    assert found == [task for task in range(1, 31) if task % 2 == 0 or task % 3 == 0]


def test_no_percent_sign_reaches_label_studio() -> None:
    """It would take one for an escape, a second time."""
    assert "%" not in query_text({"value": "100%25 sure"})
