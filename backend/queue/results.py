"""Hearing that jobs are done: one subscriber thread per process, one event per waiting request.

The wake-up is a hint; the stored result is the truth. So a lost message costs a re-check, not an answer.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from uuid import uuid4

import redis
import structlog

from backend.queue.away import Outage
from backend.queue.keys import wake_channel

__all__ = ["ResultListener", "Waiting"]

log = structlog.get_logger()

#: How long the subscriber sleeps before it tries a lost connection again.
RECONNECT_S = 1.0
#: Of hundreds of threads that are released at once so many go on together: more would only be in each
#: other's way, and in that of the thread that writes their answers.
FEW = 8


class Waiting:
    """The jobs that one request or run waits for, and those it has been told are done."""

    def __init__(self, listener: ResultListener) -> None:
        self._listener = listener
        self._woken = threading.Event()
        self._lock = threading.Lock()
        self._told: set[str] = set()
        self._watched: set[str] = set()

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *raised: object) -> None:
        self.unwatch(list(self._watched))

    def watch(self, job_ids: Iterable[str]) -> None:
        """Be told of these too. Call it before submitting them, or a wake-up may be missed."""
        new = set(job_ids) - self._watched
        self._watched |= new
        self._listener.register(new, self)

    def unwatch(self, job_ids: Iterable[str]) -> None:
        """Be told of these no more."""
        gone = self._watched & set(job_ids)
        self._watched -= gone
        self._listener.unregister(gone, self)

    def tell(self, job_id: str) -> None:
        """Say that a job is done; called by the subscriber thread."""
        with self._lock:
            self._told.add(job_id)
        self._woken.set()

    def wake(self) -> None:
        """End the wait that is under way."""
        self._woken.set()

    @property
    def is_released(self) -> bool:
        """Whether nobody is to wait any more: what is pending stays so."""
        return self._listener.released.is_set()

    def wait(self, timeout_s: float) -> set[str]:
        """The ids told since the last call; empty when none came within `timeout_s`, or once released."""
        if not self.is_released:
            self._woken.wait(timeout_s)
        with self._lock:
            self._woken.clear()
            told, self._told = self._told, set()
        return told


class ResultListener:
    """Subscribes this process to its own wake-up channel, from `start()` to `close()`."""

    def __init__(self, connection: redis.Redis) -> None:
        self.channel = wake_channel(uuid4().hex)
        self._connection = connection
        self._lock = threading.Lock()
        self._waiting: defaultdict[str, list[Waiting]] = defaultdict(list)
        self._closed = threading.Event()
        #: Set for good by `release`.
        self.released = threading.Event()
        self._few = threading.Semaphore(FEW)
        self._thread = threading.Thread(target=self._listen, name="result-listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def release(self) -> None:
        """Let all who wait go on with what they have, now and from now on: this process is to end."""
        self.released.set()
        with self._lock:
            waiting = {one for several in self._waiting.values() for one in several}
        for one in waiting:
            one.wake()

    def orderly(self) -> AbstractContextManager[object]:
        """Around what is done after the wait. Once released all come at once, and are let in a few at a time."""
        return self._few if self.released.is_set() else nullcontext()

    def close(self) -> None:
        """End the thread; requests that wait go on by their re-checks."""
        self._closed.set()
        if self._thread.is_alive():
            with suppress(redis.RedisError):
                self._connection.publish(self.channel, "")  # so that it need not wait to look up
            self._thread.join(timeout=2 * RECONNECT_S)

    def waiting(self) -> Waiting:
        """Waits for no job yet; a context manager that watches nothing any more on its exit."""
        return Waiting(self)

    def register(self, job_ids: Iterable[str], waiting: Waiting) -> None:
        """Tell `waiting` of these jobs; `Waiting.watch` calls it."""
        with self._lock:
            for job_id in job_ids:
                self._waiting[job_id].append(waiting)

    def unregister(self, job_ids: Iterable[str], waiting: Waiting) -> None:
        """Tell `waiting` of these jobs no more; `Waiting.unwatch` calls it."""
        with self._lock:
            for job_id in job_ids:
                self._waiting[job_id].remove(waiting)
                if not self._waiting[job_id]:
                    del self._waiting[job_id]

    def _listen(self) -> None:
        outage = Outage("wake-up channel")
        while not self._closed.is_set():
            try:
                with self._connection.pubsub(ignore_subscribe_messages=True) as subscription:
                    subscription.subscribe(self.channel)
                    outage.end()
                    while not self._closed.is_set():
                        message = subscription.get_message(timeout=RECONNECT_S)
                        if message is not None:
                            self._tell(message["data"].decode("utf-8", "replace"))
            except redis.RedisError as error:
                log.warning("wake-up channel lost", error=type(error).__name__)
                outage.begin()
                self._closed.wait(RECONNECT_S)

    def _tell(self, job_id: str) -> None:
        with self._lock:
            waiting = list(self._waiting.get(job_id, ()))
        for one in waiting:
            one.tell(job_id)
