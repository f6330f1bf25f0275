"""Tasks that failed for good through no image of theirs: listed beside the images that failed.

Workers note what is wrong with an image, by its job. That a task lacks what the label config points to,
or that Label Studio refuses its row, no worker ever hears of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import redis

from backend.delivery.owed import OwedTasks
from backend.delivery.project_figures import ProjectFigures
from backend.errors import Failure, InternalError
from backend.label_studio.project_key import ProjectKey
from backend.queue.connection import queue_errors
from backend.queue.failures import FailedTask, FailureLog
from backend.queue.keys import FAILURES, FAILURES_BY_TIME

__all__ = ["FailedTasks"]


class FailedTasks:
    """The tasks among the last failures in Redis. Methods raise `QueueUnavailable`."""

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection
        self._log = FailureLog(connection)
        self._owed = OwedTasks(connection)
        self._figures = ProjectFigures(connection)

    def note(
        self,
        project: ProjectKey,
        failures: Mapping[int, Failure],
        *,
        by_worker: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        """List these tasks (task id -> why).

        Of those in `by_worker` a worker has listed the image, by the job that is named there: the task is
        noted beside it, the last of several that have the image.
        """
        if not failures:
            return
        self._figures.failed(project, failures.keys())
        with queue_errors(), self._connection.pipeline() as pipeline:
            for task, failure in failures.items():
                failed = FailedTask(str(project), task)
                if job := by_worker.get(task):
                    self._log.found_in(job, failed, pipeline)
                    continue
                shown = f"task {task} of project {project.id}"
                self._log.record(failed.name, shown, failure, 1, pipeline, failed)
            pipeline.execute()

    def forget(self, project: ProjectKey, tasks: Iterable[int]) -> None:
        """List these no more, if they are listed: they have their prediction."""
        ids = list(tasks)
        names = [FailedTask(str(project), task).name for task in ids]
        self._figures.mended(project, ids)
        if names:
            with queue_errors(), self._connection.pipeline() as pipeline:
                pipeline.hdel(FAILURES, *names)
                pipeline.zrem(FAILURES_BY_TIME, *names)
                pipeline.execute()

    def forget_project(self, project: ProjectKey) -> None:
        """List no task of this project, and say nothing of it among the projects: it is gone, or was tidied."""
        self.forget(project, self._figures.failed_tasks(project))
        self._figures.forget(project)

    def owe_again(self, tasks: Sequence[FailedTask]) -> None:
        """Have the courier see to these."""
        for failed in tasks:
            project = ProjectKey.parse(failed.project)
            if project is None:
                raise InternalError(
                    f"expected a project of Label Studio's, got {failed.project!r:.60}"
                )
            self._owed.add(project, [failed.task], self._owed.now())
