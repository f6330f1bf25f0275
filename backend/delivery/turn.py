"""Whose turn it is to write: one writer at a time per Label Studio, over all processes.

Two at once would let its database answer "locked", upon which it runs whole requests again, rows
included. The lease is renewed while its holder lives and free soon after it does not (D-126).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import redis
import structlog
from redis.exceptions import LockError, LockNotOwnedError
from redis.lock import Lock

from backend.errors import QueueUnavailable
from backend.queue.connection import queue_errors

__all__ = ["Turn"]

log = structlog.get_logger()

#: Seconds after which a silent holder's turn is over.
LEASE_S = 15.0
#: Who writes in bulk gives way for this long to who is urgent.
GIVE_WAY_S = 5


class Turn:
    """The lock of that name in Redis. Those with few rows are `urgent` and go before bulk."""

    def __init__(
        self,
        connection: redis.Redis,
        name: str,
        *,
        urgent: bool,
        lease_s: float = LEASE_S,
        give_way_s: int = GIVE_WAY_S,
    ) -> None:
        self._connection = connection
        self._name = name
        self._wanted = f"{name}:wanted"
        self._urgent = urgent
        self._lease_s = lease_s
        self._give_way_s = give_way_s

    @contextmanager
    def held(self, also: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Waits for the turn and holds it; `also` is called with each renewal, in another thread.

        Raises `QueueUnavailable` when Redis does not answer.
        """
        lock = self._connection.lock(
            self._name, timeout=self._lease_s, sleep=0.05, thread_local=False
        )
        with queue_errors():
            if self._urgent:
                self._acquire_urgently(lock)
            else:
                self._give_way()
                lock.acquire()
        done = threading.Event()
        renewal = threading.Thread(
            target=self._renew, args=(lock.reacquire, also, done), name="turn", daemon=True
        )
        renewal.start()
        try:
            yield
        finally:
            done.set()
            renewal.join()
            with suppress(redis.RedisError):  # it runs out by itself
                lock.release()

    def _acquire_urgently(self, lock: Lock) -> None:
        """Says that the turn is wanted for as long as it is waited for: a chunk in bulk takes its time."""
        self._connection.set(self._wanted, 1, ex=self._give_way_s)
        while not lock.acquire(blocking_timeout=self._give_way_s / 2):
            self._connection.set(self._wanted, 1, ex=self._give_way_s)
        self._connection.delete(self._wanted)

    def _give_way(self) -> None:
        give_up = time.monotonic() + self._give_way_s
        while self._connection.exists(self._wanted) and time.monotonic() < give_up:
            time.sleep(0.05)

    def _renew(
        self, reacquire: Callable[[], bool], also: Callable[[], None], done: threading.Event
    ) -> None:
        while not done.wait(self._lease_s / 3):
            try:
                reacquire()
                also()
            except LockNotOwnedError:
                log.error("another writer may have begun", lock=self._name)
            except (LockError, redis.RedisError, QueueUnavailable) as error:
                log.warning("lease not renewed", lock=self._name, error=type(error).__name__)
