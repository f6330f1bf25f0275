"""Workers that are to take no more images: the marks that `firstpass drain` leaves, and who heeds them.

A mark is for one worker, for a host or for all. It outlives the worker that heeds it, so one that is started
again, or anew, under a mark takes nothing either; and it ends by itself, so that none is forgotten for long.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

import redis
import structlog

from backend.errors import QueueUnavailable
from backend.queue.clock import RedisClock
from backend.queue.connection import queue_errors
from backend.queue.keys import DRAINED
from backend.queue.vitals import Vitals
from backend.queue.worker_card import DRAINED_STATE

__all__ = [
    "DRAIN_TTL_S",
    "EVERYBODY",
    "Drains",
    "Rest",
    "Undone",
    "host_mark",
    "marks_for",
    "worker_mark",
]

log = structlog.get_logger()

#: A mark that nobody takes back ends after this.
DRAIN_TTL_S = 86_400
EVERYBODY = "all"
#: How often a worker looks for marks, and how often it looks whether it is to end meanwhile.
LOOK_S = 1.0
NAP_S = 0.2


def host_mark(host: str) -> str:
    """The mark for all workers of a host."""
    return f"host:{host}"


def worker_mark(host: str, pid: int) -> str:
    """The mark for one worker, by what `firstpass status` calls it."""
    return f"worker:{host}:{pid}"


def marks_for(host: str, pid: int) -> tuple[str, ...]:
    """All marks that one worker heeds.

    >>> marks_for("gpu-1", 17)
    ('all', 'host:gpu-1', 'worker:gpu-1:17')
    """
    return (EVERYBODY, host_mark(host), worker_mark(host, pid))


@dataclass(frozen=True, slots=True)
class Undone:
    """Marks that were taken back just now, and those that are left in force."""

    taken_back: frozenset[str]
    left: frozenset[str]


class Drains:
    """The marks in Redis, each until a time in seconds since the epoch. Methods raise `QueueUnavailable`."""

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection
        self._clock = RedisClock(connection)

    def mark(self, names: Iterable[str]) -> float:
        """Have the workers of these marks take no more; until when."""
        with queue_errors(), self._connection.pipeline() as pipeline:
            now = self._clock()
            until = now + DRAIN_TTL_S
            pipeline.zremrangebyscore(DRAINED, "-inf", now)
            pipeline.zadd(DRAINED, dict.fromkeys(names, until))
            pipeline.expire(DRAINED, DRAIN_TTL_S)
            pipeline.execute()
        return until

    def undo(self, names: Iterable[str] | None = None) -> Undone:
        """Take these marks back; all, where none are named."""
        before = set(self.marks())
        with queue_errors():
            if names is None:
                self._connection.delete(DRAINED)
            else:
                self._connection.zrem(DRAINED, *names)
        left = set(self.marks())
        return Undone(frozenset(before - left), frozenset(left))

    def marks(self) -> list[str]:
        """Those in force."""
        with queue_errors():
            found = self._connection.zrangebyscore(DRAINED, self._clock(), "+inf")
        return [name.decode("utf-8", "replace") for name in cast("list[bytes]", found)]

    def until(self, names: Iterable[str]) -> float:
        """When the last of these marks ends; 0 where none is in force."""
        with queue_errors():
            found = self._connection.zmscore(DRAINED, list(names))
            ends = max((end for end in found if end is not None), default=0.0)
            return ends if ends > self._clock() else 0.0


class Rest:
    """A worker's side: whether it is to rest, and that it does. For the worker's main thread."""

    def __init__(self, drains: Drains, vitals: Vitals, show: Callable[[], None]) -> None:
        """`show` writes the worker's card."""
        self._drains, self._vitals, self._show = drains, vitals, show
        self._names = marks_for(socket.gethostname(), os.getpid())
        self._until = 0.0
        self._look_at = 0.0

    @property
    def is_due(self) -> bool:
        """Whether no image is to be taken, by the last look."""
        return self._until > 0

    def look(self) -> None:
        """Look for marks, where the last look is a while ago. A Redis that is away changes nothing."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_S
        try:
            self._until = self._drains.until(self._names)
        except QueueUnavailable as error:
            log.warning("marks not read", reason=str(error))

    def begin(self) -> None:
        """Say that it holds nothing and takes nothing, and sleep a moment."""
        if self._vitals.drained_until != self._until:
            self._vitals.is_now(DRAINED_STATE)
            self._vitals.drained_until = self._until
            self._show()
            log.info("drained: takes no images until `firstpass drain --undo`")
        time.sleep(NAP_S)

    def end(self, state: str) -> None:
        """It takes images again, if it rested."""
        if self._vitals.drained_until:
            self._vitals.is_now(state)
            self._vitals.drained_until = 0.0
            self._show()
            log.info("drained no more: takes images again")
