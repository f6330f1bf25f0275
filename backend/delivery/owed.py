"""The tasks that are owed a prediction: those that `/predict` answered with nothing yet.

They stay until a row is in Label Studio or it is known that there can be none; whoever ends in
between, nothing is forgotten. D-124 says why ids are all that is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import redis
import structlog

from backend.delivery.complaints import Complaints
from backend.delivery.keys import CHANGED, OWING, PUT_OFF, owed_key, tries_key
from backend.errors import ForeignValue
from backend.label_studio.project_key import ProjectKey
from backend.queue.clock import RedisClock
from backend.queue.connection import queue_errors

__all__ = ["ChangedProject", "OwedProject", "OwedTasks"]

log = structlog.get_logger()

#: A changed project is looked at again after this.
LOOK_AGAIN_S = 10.0
#: And one that Label Studio does not answer for after this.
PUT_CHANGE_OFF_S = 60.0
_AGAIN = "/again"

# KEYS: owed tasks, their tries, projects   ARGV: project, tasks. The project goes with its last task.
_SETTLE = """
for i = 2, #ARGV do
  redis.call('ZREM', KEYS[1], ARGV[i])
  redis.call('HDEL', KEYS[2], ARGV[i])
end
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', KEYS[3], ARGV[1]) end
"""

# KEYS: changed projects   ARGV: latest time to look, names. What was noted for later, or anew, stays.
_SETTLE_CHANGE = """
for i = 2, #ARGV do
  local at = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if at and tonumber(at) <= tonumber(ARGV[1]) then redis.call('ZREM', KEYS[1], ARGV[i]) end
end
"""


@dataclass(frozen=True, slots=True)
class ChangedProject:
    """A project whose label config may be another, as of `looked_at`, seconds since the epoch."""

    key: ProjectKey
    looked_at: float


@dataclass(frozen=True, slots=True)
class OwedProject:
    """What one project is owed: its first tasks by when to see to them, and why it is put off, if it is."""

    key: ProjectKey
    tasks: int
    #: Task id, seconds since the epoch, and failures that may pass.
    first: tuple[tuple[int, float, int], ...]
    put_off: str | None


class OwedTasks:
    """Owed tasks by project, each with the time to see to it. Methods raise `QueueUnavailable`."""

    def __init__(self, connection: redis.Redis, clock: Callable[[], float] | None = None) -> None:
        self._connection = connection
        self._clock = clock or RedisClock(connection)
        self._settle = connection.register_script(_SETTLE)
        self._settle_change = connection.register_script(_SETTLE_CHANGE)
        self._put_off_told = Complaints()

    def now(self) -> float:
        """Seconds since the epoch, by the clock that all who add and look have in common: Redis's."""
        with queue_errors():
            return self._clock()

    def add(self, project: ProjectKey, tasks: Iterable[int], now: float) -> None:
        """These are owed from `now` on; seconds since the epoch."""
        due = dict.fromkeys(map(str, tasks), now)
        if not due:
            return
        with queue_errors(), self._connection.pipeline() as pipeline:
            pipeline.sadd(OWING, str(project))
            pipeline.zadd(owed_key(project), due, lt=True)
            pipeline.execute()

    def projects(self) -> list[ProjectKey]:
        """The projects that may be owed something, in the order of their ids."""
        with queue_errors():
            names: set[Any] = self._connection.smembers(OWING)
        return _keys(names)

    def due(self, project: ProjectKey, now: float, most: int) -> list[int]:
        """Up to `most` tasks whose time has come, the earliest first."""
        with queue_errors():
            try:
                found: Any = self._connection.zrange(
                    owed_key(project), "-inf", str(now), byscore=True, offset=0, num=most
                )
            except redis.ResponseError as error:
                if "WRONGTYPE" not in str(error):
                    raise
                # Left alone it would keep the courier from all other projects too.
                log.error("no list of owed tasks, dropped", key=owed_key(project))
                self.forget_unread(project)
                return []
        ids = {name: _task_id(name) for name in found}
        if odd := [name for name, task in ids.items() if task is None]:
            # No courier could ever see to these.
            names = [name[:40] for name in odd[:5]]
            log.error("owed by no task's id, dropped", project=project.id, names=names)
            with queue_errors():
                self._connection.zrem(owed_key(project), *odd)
        return [task for task in ids.values() if task is not None]

    def overview(self, most: int) -> list[OwedProject]:
        """What each project is owed, with `most` of its tasks, the earliest first."""
        found = []
        for project in self.projects():
            try:
                with queue_errors(), self._connection.pipeline(transaction=False) as pipeline:
                    pipeline.zcard(owed_key(project))
                    pipeline.zrange(owed_key(project), 0, most - 1, withscores=True)
                    pipeline.hgetall(tries_key(project))
                    pipeline.hget(PUT_OFF, str(project))
                    tasks, first, tries, reason = pipeline.execute()
            except ForeignValue as error:
                found.append(OwedProject(project, 0, (), str(error)))
                continue
            listed = tuple(
                (task, float(at), _task_id(tries.get(name, b"0")) or 0)
                for name, at in (first if most else ())
                if (task := _task_id(name)) is not None
            )
            words = reason.decode("utf-8", "backslashreplace") if reason else None
            found.append(OwedProject(project, int(tasks), listed, words))
        return found

    def put_off(self, project: ProjectKey, reason: str) -> None:
        """Say why Label Studio does not serve this project."""
        with self._put_off_told.hearing(), queue_errors():
            self._connection.hset(PUT_OFF, str(project), reason)

    def served(self, project: ProjectKey) -> None:
        """Label Studio serves this project again."""
        with self._put_off_told.hearing(), queue_errors():
            self._connection.hdel(PUT_OFF, str(project))

    def settle(self, project: ProjectKey, tasks: Iterable[int]) -> None:
        """These are owed no more."""
        names = [str(task) for task in tasks]
        if names:
            with queue_errors():
                keys = [owed_key(project), tries_key(project), OWING]
                self._settle(keys=keys, args=[str(project), *names])

    def postpone(self, project: ProjectKey, tasks: Iterable[int], until: float) -> None:
        """See to these at `until`, where they are still owed."""
        due = dict.fromkeys(map(str, tasks), until)
        if due:
            with queue_errors():
                self._connection.zadd(owed_key(project), due, xx=True)

    def failed_again(self, project: ProjectKey, task: int) -> int:
        """Count one more failure of a task that may pass; how many it has had."""
        with queue_errors():
            return int(self._connection.hincrby(tries_key(project), str(task), 1))

    def forget(self, project: ProjectKey) -> int:
        """Owe nothing to a project any more; how many tasks that were."""
        with queue_errors(), self._connection.pipeline() as pipeline:
            pipeline.zcard(owed_key(project))
            pipeline.delete(owed_key(project), tries_key(project))
            pipeline.srem(OWING, str(project))
            pipeline.hdel(PUT_OFF, str(project))
            return int(pipeline.execute()[0])

    def forget_unread(self, project: ProjectKey) -> None:
        """Drop what stands under this project's names, whatever that is."""
        with queue_errors(), self._connection.pipeline() as pipeline:
            pipeline.delete(owed_key(project), tries_key(project))
            pipeline.srem(OWING, str(project))
            pipeline.execute()

    def count(self) -> int:
        """How many tasks are owed over all projects."""
        projects = self.projects()
        with queue_errors(), self._connection.pipeline(transaction=False) as pipeline:
            for project in projects:
                pipeline.zcard(owed_key(project))
            return sum(pipeline.execute())

    def note_change(self, project: ProjectKey) -> None:
        """The project's label config, and so its version, may be another than Label Studio shows.

        It is to be looked at now and once more a little later: Label Studio may tell of a change before
        its database shows it.
        """
        now = self.now()
        looks = {str(project): now, f"{project}{_AGAIN}": now + LOOK_AGAIN_S}
        with queue_errors():
            self._connection.zadd(CHANGED, looks)

    def changed(self) -> list[ChangedProject]:
        """The projects to look at now; each stays noted until `settle_change`."""
        now = self.now()
        with queue_errors():
            names: Any = self._connection.zrange(CHANGED, "-inf", str(now), byscore=True)
        keys = _keys({name.removesuffix(_AGAIN.encode()) for name in names})
        return [ChangedProject(key, now) for key in keys]

    def put_change_off(self, changed: ChangedProject) -> None:
        """Look at the project again a little later."""
        with queue_errors():
            later = changed.looked_at + PUT_CHANGE_OFF_S
            self._connection.zadd(CHANGED, {str(changed.key): later}, gt=True)
            self._connection.zadd(CHANGED, {f"{changed.key}{_AGAIN}": later}, gt=True, xx=True)

    def settle_change(self, changed: ChangedProject) -> None:
        """The project was seen to; a change noted since it was looked at stays noted."""
        names = [str(changed.key), f"{changed.key}{_AGAIN}"]
        with queue_errors():
            self._settle_change(keys=[CHANGED], args=[repr(changed.looked_at), *names])


def _task_id(name: bytes) -> int | None:
    return int(name) if re.fullmatch(rb"[0-9]{1,19}", name) else None


def _keys(names: Iterable[bytes]) -> list[ProjectKey]:
    parsed = [ProjectKey.parse(name.decode("ascii", "replace")) for name in names]
    return sorted(
        (key for key in parsed if key is not None), key=lambda key: (key.id, key.created_s)
    )
