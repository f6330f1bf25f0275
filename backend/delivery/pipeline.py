"""Tasks in, slots out: as many under way as keep the workers busy, and no more in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from backend.errors import Failure
from backend.label_studio.bodies import Task
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import Predictor, Slot, TaskRequests
from backend.prediction.request import Outcome

__all__ = ["WindowLike", "predict_tasks"]

#: Tasks under way at once: several batches for each of several workers, and two requests' worth of rows.
IN_FLIGHT = 2000
#: The longest silence: a caller that has rows to write or a signal to heed gets its say after this.
TICK_S = 0.5


class WindowLike(Protocol):
    """`Window`, or what a test puts in its place."""

    def add(self, requests: Mapping[str, ModelRequest]) -> None: ...

    def collect(self, wait_s: float) -> dict[str, Outcome]: ...


def predict_tasks(
    tasks: Iterable[Task],
    predictor: Predictor,
    window: WindowLike,
    *,
    in_flight: int = IN_FLIGHT,
) -> Iterator[list[Slot]]:
    """The slots of all tasks, as they come, in any order; each task must have an id.

    Yields at least every `TICK_S` seconds while it waits, an empty list when nothing came. `tasks`
    is read no further than there is room, so it may be endless.
    """
    source = iter(tasks)
    under_way: dict[int, _Asked] = {}
    asking: defaultdict[str, set[int]] = defaultdict(set)
    exhausted = False
    while not exhausted or under_way:
        slots: list[Slot] = []
        while not exhausted and len(under_way) + len(slots) < in_flight:
            task = next(source, None)
            if task is None:
                exhausted = True
            elif task.id is not None and task.id not in under_way:
                asked = _ask(task, predictor, window)
                if isinstance(asked, Slot):
                    slots.append(asked)
                    continue
                under_way[task.id] = asked
                for job_id in asked.missing:
                    asking[job_id].add(task.id)
        # With something to tell already, only what is there is collected.
        for job_id, outcome in window.collect(0 if slots else TICK_S).items():
            for task_id in asking.pop(job_id, ()):
                asked = under_way[task_id]
                asked.outcomes[job_id] = outcome
                asked.missing.discard(job_id)
                if not asked.missing:
                    del under_way[task_id]
                    slots.append(predictor.slot(task_id, asked.requests, asked.outcomes))
        yield slots


@dataclass(slots=True)
class _Asked:
    requests: TaskRequests
    missing: set[str]
    outcomes: dict[str, Outcome]


def _ask(task: Task, predictor: Predictor, window: WindowLike) -> _Asked | Slot:
    requests = predictor.requests(task)
    if isinstance(requests, Failure):
        return Slot(task.id, failure=requests)
    jobs = dict(requests.values())
    window.add(jobs)
    return _Asked(requests, set(jobs), {})
