"""What became of each project's tasks, counted for the status page: nothing waits for these figures.

Who stores a row says so here, who gives a task up too; what cannot be noted is not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, TypeAlias

import redis

from backend.delivery.keys import PROJECTS, failed_key, figures_key
from backend.label_studio.project_key import ProjectKey
from backend.queue.failures import KEPT_S as FAILURE_KEPT_S

__all__ = ["ProjectFigures", "Stored", "untold"]

#: Told of a project, a version and the tasks whose rows of it are stored just now.
Stored: TypeAlias = Callable[[ProjectKey, str, Collection[int]], object]

#: A project that nobody asks about for so long is shown no more.
KEPT_S = 30 * 24 * 3600
TITLE_CHARACTERS = 200

# KEYS: projects, figures, failed tasks   ARGV: project, days kept in seconds, version, number stored, tasks
_STORED = """
redis.call('ZADD', KEYS[1], redis.call('TIME')[1], ARGV[1])
if redis.call('HGET', KEYS[2], 'version') ~= ARGV[3] then
  redis.call('HSET', KEYS[2], 'version', ARGV[3], 'predicted', 0)
end
redis.call('HINCRBY', KEYS[2], 'predicted', ARGV[4])
for i = 5, #ARGV do redis.call('ZREM', KEYS[3], ARGV[i]) end
for i = 1, 2 do redis.call('EXPIRE', KEYS[i], ARGV[2]) end
"""


def untold(project: ProjectKey, version: str, tasks: Collection[int]) -> None:
    """Stands for figures where nobody keeps any."""


class ProjectFigures:
    """In Redis. No method raises: a Redis that is away, or holds something else there, keeps nobody from work."""

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection
        self._stored = connection.register_script(_STORED)

    def stored(self, project: ProjectKey, version: str, tasks: Collection[int]) -> None:
        """Rows of this version were stored, or answered; with another version counting begins anew."""
        keys = [PROJECTS, figures_key(project), failed_key(project)]
        with suppress(redis.RedisError):
            self._stored(keys=keys, args=[str(project), KEPT_S, version, len(tasks), *tasks])

    def failed(self, project: ProjectKey, tasks: Collection[int]) -> None:
        """These have no prediction, and are not tried again by themselves.

        They count as long as the reasons are kept: that somebody has labelled or deleted such a task since, nobody
        says here.
        """
        if not tasks:
            return
        key = failed_key(project)
        with suppress(redis.RedisError), self._connection.pipeline() as pipeline:
            seconds, _ = self._connection.time()
            pipeline.zadd(key, dict.fromkeys(map(str, tasks), seconds))
            pipeline.zremrangebyscore(key, "-inf", seconds - FAILURE_KEPT_S)
            pipeline.expire(key, FAILURE_KEPT_S)
            self._met(project, pipeline)
            pipeline.execute()

    def mended(self, project: ProjectKey, tasks: Collection[int]) -> None:
        """These have their prediction."""
        if tasks:
            with suppress(redis.RedisError):
                self._connection.zrem(failed_key(project), *tasks)

    def failed_tasks(self, project: ProjectKey) -> list[int]:
        """Those that failed, as far as they are known."""
        with suppress(redis.RedisError, ValueError):
            found: Any = self._connection.zrange(failed_key(project), 0, -1)
            return [int(task) for task in found]
        return []

    def forget(self, project: ProjectKey) -> None:
        """The project is gone, or nothing of us is in it any more: say nothing of it."""
        with suppress(redis.RedisError), self._connection.pipeline() as pipeline:
            pipeline.delete(figures_key(project), failed_key(project))
            pipeline.zrem(PROJECTS, str(project))
            pipeline.execute()

    def named(self, project: ProjectKey, title: str) -> None:
        """What people call it."""
        if not title:
            return
        with suppress(redis.RedisError), self._connection.pipeline() as pipeline:
            pipeline.hset(figures_key(project), "title", title[:TITLE_CHARACTERS])
            pipeline.expire(figures_key(project), KEPT_S)
            self._met(project, pipeline)
            pipeline.execute()

    def learned(self, project: ProjectKey, heads: Collection[str]) -> None:
        """The learned heads that its label config names; none takes away what was said before."""
        key = figures_key(project)
        with suppress(redis.RedisError), self._connection.pipeline() as pipeline:
            if heads:
                pipeline.hset(key, "heads", " ".join(heads))
                pipeline.expire(key, KEPT_S)
                self._met(project, pipeline)
            else:
                pipeline.hdel(key, "heads")
            pipeline.execute()

    def _met(self, project: ProjectKey, pipeline: redis.client.Pipeline) -> None:
        seconds, _ = self._connection.time()
        pipeline.zadd(PROJECTS, {str(project): seconds})
        pipeline.zremrangebyscore(PROJECTS, "-inf", seconds - KEPT_S)
        pipeline.expire(PROJECTS, KEPT_S)
