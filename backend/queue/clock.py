"""Redis's clock: the one that all processes share, whatever their own clocks say (D-20)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import redis
import structlog
from redis.exceptions import NoPermissionError

__all__ = ["RedisClock"]

log = structlog.get_logger()

#: Asked again after so long; in between the answer is carried on by a clock that nobody sets.
ASK_EVERY_S = 1.0


class RedisClock:
    """Seconds since the epoch as Redis counts them; safe to share between threads.

    A call raises Redis's own errors until Redis has answered once; after that it goes on by itself
    while Redis is away. Where our Redis user may not ask for the time, it is this machine's.
    """

    def __init__(
        self, connection: redis.Redis, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection = connection
        self._monotonic = monotonic
        self._lock = threading.Lock()
        #: What to add to our own clock; `None` before the first answer.
        self._ahead: float | None = None
        self._asked_at = 0.0

    def __call__(self) -> float:
        with self._lock:
            if self._ahead is None or self._monotonic() - self._asked_at > ASK_EVERY_S:
                self._ask()
            return self._monotonic() + (self._ahead or 0.0)

    def utc(self) -> datetime:
        """The same as a date."""
        return datetime.fromtimestamp(self(), UTC)

    def _ask(self) -> None:
        self._asked_at = self._monotonic()
        try:
            seconds, microseconds = self._connection.time()
            self._ahead = seconds + microseconds / 1e6 - self._monotonic()
        except NoPermissionError:
            if self._ahead is None:
                log.warning("this Redis user may not ask for the time (+time): clocks must agree")
            self._ahead = time.time() - self._monotonic()
        except redis.RedisError:
            if self._ahead is None:
                raise
