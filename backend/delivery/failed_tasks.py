"""Tasks that failed for good through no image of theirs: listed beside the images that failed.

Workers note what is wrong with an image, by its job. That a task lacks what the label config points to,
or that Label Studio refuses its row, no worker ever hears of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import redis

from backend.delivery.owed import OwedTasks
from backend.errors import Failure
from backend.label_studio.project_key import ProjectKey
from backend.queue.connection import queue_errors
from backend.queue.failures import FailureLog
from backend.queue.keys import FAILURES, FAILURES_BY_TIME

__all__ = ["FailedTasks", "parse_task_name", "task_name"]

_NAME = re.compile(r"task ([0-9]{1,18}) of project (\S+)")


def task_name(project: ProjectKey, task: int) -> str:
    """What stands for the job's id in the list of failures.

    >>> task_name(ProjectKey(4, 1795207698), 12)
    'task 12 of project 4.1795207698'
    """
    return f"task {task} of project {project}"


def parse_task_name(name: str) -> tuple[ProjectKey, int] | None:
    """Project and task of such a name; `None` for a job's id.

    >>> parse_task_name("task 12 of project 4.1795207698")
    (ProjectKey(id=4, created_s=1795207698), 12)
    """
    found = _NAME.fullmatch(name)
    project = ProjectKey.parse(found[2]) if found else None
    return (project, int(found[1])) if found and project else None


class FailedTasks:
    """The tasks among the last failures in Redis. Methods raise `QueueUnavailable`."""

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection
        self._log = FailureLog(connection)
        self._owed = OwedTasks(connection)

    def note(self, project: ProjectKey, failures: Mapping[int, Failure]) -> None:
        """List these tasks (task id -> why)."""
        if not failures:
            return
        with queue_errors(), self._connection.pipeline() as pipeline:
            for task, failure in failures.items():
                shown = f"task {task} of project {project.id}"
                self._log.record(task_name(project, task), shown, failure, 1, pipeline)
            pipeline.execute()

    def forget(self, project: ProjectKey, tasks: Iterable[int]) -> None:
        """List these no more, if they are listed: they have their prediction."""
        names = [task_name(project, task) for task in tasks]
        if names:
            with queue_errors(), self._connection.pipeline() as pipeline:
                pipeline.hdel(FAILURES, *names)
                pipeline.zrem(FAILURES_BY_TIME, *names)
                pipeline.execute()

    def owe_again(self, ids: Sequence[str]) -> list[str]:
        """Have the courier see to those of the ids that name tasks; these."""
        named = {name: found for name in ids if (found := parse_task_name(name)) is not None}
        for project, task in named.values():
            self._owed.add(project, [task], self._owed.now())
        return list(named)
