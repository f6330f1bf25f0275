"""Tasks of a project in the order of their ids, however the list changes meanwhile.

Page numbers would skip tasks: each prediction that is written may take a task out of a filter, and move
the rest up by one. So each page asks for the ids above the last one seen.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from backend.label_studio.records import TaskRow
from backend.plain import Json

__all__ = ["ListTasks", "id_chunks", "query_text", "walk"]

#: One page of a Data Manager query, by id: the tasks, and how many match in all.
ListTasks: TypeAlias = Callable[[Json], tuple[list[TaskRow], int]]

#: Ids in one request. They travel in its address, which servers bound at 4 to 8 KB.
IDS_AT_ONCE = 200


def walk(
    list_tasks: ListTasks, filters: Json | None, also: Sequence[Json] = ()
) -> Iterator[TaskRow]:
    """All tasks that match, each once, by ascending id; one page in memory per filter that `or` joins.

    Each task matches every item of `also` besides.

    `filters` is the Data Manager's `{"conjunction": "and" | "or", "items": [...]}`. Where `or` joins
    its items, "above the last id" cannot be among them, so each item is walked alone and the walks
    are merged.
    """
    items = (filters or {}).get("items") or []
    if (filters or {}).get("conjunction") != "or" or len(items) == 1:
        yield from _walk_all(list_tasks, [*items, *also])
        return
    walks = [_walk_all(list_tasks, [item, *also]) for item in items]
    last = None
    for task in heapq.merge(*walks, key=lambda task: task.id):
        if task.id != last:
            yield task
        last = task.id


def id_chunks(ids: Sequence[int], size: int = IDS_AT_ONCE) -> Iterator[list[int]]:
    """The ids, ascending and each once, in lists of at most `size`.

    >>> list(id_chunks([3, 1, 2, 3], size=2))
    [[1, 2], [3]]
    """
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def query_text(query: Json) -> str:
    """The query as Label Studio reads it: it takes percent signs for escapes even after decoding.

    >>> query_text({"filters": {"value": "50%"}})
    '{"filters":{"value":"50\\\\u0025"}}'
    """
    return json.dumps(query, separators=(",", ":")).replace("%", "\\u0025")


def _walk_all(list_tasks: ListTasks, items: Sequence[Json]) -> Iterator[TaskRow]:
    """All tasks that match every item."""
    last = 0
    while True:
        above: Json = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number"}
        above["value"] = last
        tasks, total = list_tasks(
            {"filters": {"conjunction": "and", "items": [*items, above]}, "ordering": ["tasks:id"]}
        )
        yield from tasks
        if not tasks or total <= len(tasks):
            return
        last = tasks[-1].id
