"""Columns of ours in the data of tasks: written, and emptied again, by an action that leaves all other data as it is.

Each request gives one value to many tasks, so few values are few requests. No request takes a column away. Where that
action is refused, each task's data is read and written whole: slower, and the only way then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from backend.errors import LabelStudioRefuses
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.task_filters import filled
from backend.label_studio.task_walk import id_chunks
from backend.projects.our_tabs import REVIEW_COLUMN, SAMPLE_COLUMN
from backend.wording import tasks

__all__ = ["COLUMNS", "empty_column", "filled_tasks", "what_it_breaks", "write_column"]

COLUMNS = (REVIEW_COLUMN, SAMPLE_COLUMN)
#: Tasks in one request: Label Studio holds the data of each meanwhile.
AT_ONCE = 1000
#: How Label Studio answers who may not use the action, or where there is none of that name.
_NO_ACTION = (403, 404)


def what_it_breaks(column: str, count: int) -> str:
    """What people should know before it is written into so many tasks."""
    return (
        f"A column {column} is written into the data of {tasks(count)}. With it Label Studio's Remove Duplicated Tasks "
        "takes copies of a task for others where only one has the column; JSON and CSV exports and webhooks carry it; and the "
        "project's own count of its columns is off. `firstpass tidy` empties it; an edit of each task is all that "
        "removes it."
    )


def filled_tasks(api: LabelStudioApi, project: int, column: str) -> list[int]:
    """The tasks in whose data the column holds something of ours."""
    if api.count_tasks(project) == 0:
        return []
    filters = {"conjunction": "and", "items": [filled(column)]}
    pages = api.pages(project, filters=filters, include="id", page_size=AT_ONCE)
    return [task.id for page in pages for task in page]


def write_column(
    api: LabelStudioApi, project: int, column: str, values: Mapping[str, Sequence[int]]
) -> Iterator[int]:
    """Have the column hold these values of tasks, and nothing in other tasks; how many are written each time."""
    before = set(filled_tasks(api, project, column))
    for value, ids in values.items():
        for some in id_chunks(ids, AT_ONCE):
            yield from _written(api, project, column, value, some)
        before.difference_update(ids)
    empty_column(api, project, column, sorted(before))


def empty_column(api: LabelStudioApi, project: int, column: str, ids: Sequence[int]) -> None:
    """Have the column hold nothing in these tasks."""
    for some in id_chunks(ids, AT_ONCE):
        for _ in _written(api, project, column, "", some):
            pass


def _written(
    api: LabelStudioApi, project: int, column: str, value: str, ids: Sequence[int]
) -> Iterator[int]:
    """How many are written each time: all at once, or one by one where that is refused."""
    try:
        api.set_column(project, column, value, ids)
        yield len(ids)
        return
    except LabelStudioRefuses as error:
        if error.status not in _NO_ACTION:
            raise
    for task in ids:
        api.set_column_of(project, column, value, task)
        yield 1
