"""Tasks with their doubts -> the order in which to review them: spread over label sets, rare labels early. Pure."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.review.task_doubts import TaskDoubts

__all__ = ["OrderedTask", "column_values", "in_order"]

#: What a task with a rare label counts more, in corrections.
RARE = 0.25
#: A label is rare that is in at most this share of the tasks, of so many or more.
RARE_SHARE = 0.01
LEAST_TASKS = 20
#: Of a label set that many tasks before have, so much of what is expected counts.
LEAST_COUNTED = 0.75
#: Tasks of one label set after which half of what can be lost is lost.
HALF_AFTER = 5
#: Different values of the column: two decimals, so that text has the order of numbers.
_VALUES = 100
#: Of more tasks the first have a value each, and the others share so many: each value is a request.
_ALONE, _SHARED = 20, 40


@dataclass(frozen=True, slots=True)
class OrderedTask:
    """A task in its place; `reasons` are sentences' parts, the weightiest first."""

    task: int
    expected: float
    reasons: tuple[str, ...]


def in_order(tasks: Iterable[TaskDoubts]) -> list[OrderedTask]:
    """The tasks, what to review first at the front.

    The next is always the one of most expected corrections. A rare label counts a little besides, and the
    tenth task of one label set counts less than the first of another: so the front shows many kinds.
    """
    found = sorted(tasks, key=lambda one: one.task)
    rare = _rare(found)
    groups: dict[frozenset[str], list[tuple[float, TaskDoubts]]] = {}
    for one in found:
        worth = one.expected + (RARE if one.labels & rare.keys() else 0.0)
        groups.setdefault(one.labels, []).append((worth, one))
    for group in groups.values():
        group.sort(key=lambda each: (-each[0], each[1].task))
    # Of each group its next task: what that counts only falls as others of the group are taken.
    heap = [(-group[0][0], group[0][1].task, labels, 0) for labels, group in groups.items()]
    heapq.heapify(heap)
    ordered: list[OrderedTask] = []
    while heap:
        _, _, labels, number = heapq.heappop(heap)
        group = groups[labels]
        ordered.append(_told(group[number][1], rare, len(found)))
        if number + 1 < len(group):
            worth, one = group[number + 1]
            heapq.heappush(heap, (-worth * _counted(number + 1), one.task, labels, number + 1))
    return ordered


def column_values(ordered: Sequence[int]) -> dict[str, list[int]]:
    """What a column says of tasks in this order, from "1.00" for the first: of many tasks, few values.

    >>> column_values([7, 9, 8])
    {'1.00': [7], '0.99': [9], '0.98': [8]}
    """
    values: dict[str, list[int]] = {}
    rest = len(ordered) - _ALONE
    for number, task in enumerate(ordered):
        step = number
        if len(ordered) > _VALUES and number >= _ALONE:
            width = (_VALUES - _ALONE) // _SHARED
            step = _ALONE + width * ((number - _ALONE) * _SHARED // rest)
        values.setdefault(f"{(_VALUES - step) / _VALUES:.2f}", []).append(task)
    return values


def _counted(before: int) -> float:
    """The share of what is expected that counts after so many tasks of the same label set."""
    return LEAST_COUNTED + (1 - LEAST_COUNTED) / (1 + before / HALF_AFTER)


def _rare(tasks: Sequence[TaskDoubts]) -> dict[str, int]:
    """In how many tasks each rare label is."""
    if len(tasks) < LEAST_TASKS:
        return {}
    counts = Counter(label for one in tasks for label in one.labels if label)
    most = max(1, int(RARE_SHARE * len(tasks)))
    return {label: count for label, count in counts.items() if count <= most}


def _told(one: TaskDoubts, rare: dict[str, int], tasks: int) -> OrderedTask:
    reasons = [words for _, words in one.reasons]
    for label in sorted(one.labels & rare.keys()):
        reasons.append(f"rare: {label}, in {rare[label]} of {tasks:,} tasks")
    return OrderedTask(one.task, round(one.expected, 3), tuple(reasons))
