"""Listing what Label Studio does not give as a whole: by halves, until the task that it cannot give is alone.

It is in the list as a task that has failed. Half an emoji in one task's data, or an id that its database has no room for, has Label Studio answer 500
to the whole list, each time it is asked. That is no outage: others are answered meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from backend.errors import Failure, LabelStudioUnavailable, TaskUnlisted
from backend.label_studio.records import TaskRow
from backend.label_studio.task_walk import ListTasks
from backend.plain import Json

__all__ = ["Halving", "ListPage"]

#: Before a task is asked for alone once more: a database that is locked is free by then.
PAUSE_S = 1.0
#: After so many tasks in a row, and none listed in between, the tasks are not to blame.
IN_A_ROW = 100


class ListPage(Protocol):
    """One page of a query: the tasks, whole or their ids alone, and how many match in all."""

    def __call__(self, query: Json, size: int, *, whole: bool) -> tuple[list[TaskRow], int]: ...


@dataclass(slots=True)
class Halving:
    """One listing. `answers` raises `LabelStudioUnavailable` where Label Studio answers nothing at all."""

    answers: Callable[[], object]
    sleep: Callable[[float], None] = time.sleep
    _in_a_row: int = field(default=0, init=False)

    def of_ids(
        self, ids: Sequence[int], listed: Callable[[Sequence[int]], Sequence[TaskRow]]
    ) -> Iterator[TaskRow]:
        """The tasks with these ids that `listed` gives, in its order."""
        try:
            found = listed(ids)
        except LabelStudioUnavailable as error:
            self.answers()
            if len(ids) > 1:
                middle = len(ids) // 2
                yield from self.of_ids(ids[:middle], listed)
                yield from self.of_ids(ids[middle:], listed)
                return
            again = self._once_more(lambda: listed(ids))
            if again is None:
                yield self._failed(ids[0], error)
            found = again or ()
        self._in_a_row = 0 if found else self._in_a_row
        yield from found

    def of_pages(self, page: ListPage, size: int) -> ListTasks:
        """Lists by pages of up to `size` tasks, as `walk` asks for them."""
        room = size

        def list_tasks(query: Json) -> tuple[list[TaskRow], int]:
            nonlocal room
            failed: list[TaskRow] = []
            while True:
                try:
                    found, total = page(query, room, whole=True)
                    room, self._in_a_row = min(size, 2 * room), 0
                    return [*failed, *found], len(failed) + total
                except LabelStudioUnavailable as error:
                    self.answers()
                    if room == 1 and self._once_more(partial(page, query, 1, whole=True)) is None:
                        named, _ = page(query, 1, whole=False)
                        if not named:
                            return failed, 0
                        failed.append(self._failed(named[0].id, error))
                        query = _above(query, named[0].id)
                    room = max(1, room // 2)

        return list_tasks

    def _once_more(self, ask: Callable[[], Any]) -> Any:
        """What it answers after a pause; `None` where it does not."""
        self.sleep(PAUSE_S)
        try:
            return ask()
        except LabelStudioUnavailable:
            self.answers()
            return None

    def _failed(self, task: int, error: LabelStudioUnavailable) -> TaskRow:
        self._in_a_row += 1
        if self._in_a_row >= IN_A_ROW:
            raise error
        return TaskRow.failed(task, Failure.of(TaskUnlisted(str(error))))


def _above(query: Json, task: int) -> Json:
    """The query past that task: `walk` puts the filter by id last."""
    filters = query["filters"]
    *items, above = filters["items"]
    return {**query, "filters": {**filters, "items": [*items, {**above, "value": task}]}}
