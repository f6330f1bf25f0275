"""The thread that keeps a worker's jobs its own, and ends the process when a batch hangs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence

import redis
import structlog

from backend.queue.take import Taken

__all__ = ["EXIT_HUNG", "Leases"]

log = structlog.get_logger()

#: Exit code of a worker whose batch outlived its time: the supervisor starts another.
EXIT_HUNG = 70


class Leases:
    """Holds jobs from `hold` to `release`, renewing their leases every third of `lease_s`.

    A stretch of native code that holds the interpreter for longer than the lease loses it: another
    worker then does the same work again, and the same result is stored twice.
    """

    def __init__(
        self, connection: redis.Redis, lease_s: int, worker_heartbeat: Callable[..., None]
    ) -> None:
        self._connection = connection
        self._lease_s = lease_s
        self._worker_heartbeat = worker_heartbeat
        self._lock = threading.Lock()
        self._held: dict[str, Taken] = {}
        self._deadline: float | None = None

    def start(self) -> None:
        """Start the thread; it ends with the process."""
        threading.Thread(target=self._beat, name="leases", daemon=True).start()

    def hold(self, batch: Iterable[Taken]) -> None:
        """Renew these leases from now on."""
        with self._lock:
            self._held.update((taken.execution.id, taken) for taken in batch)

    def release(self, batch: Iterable[Taken]) -> None:
        """Renew these leases no longer."""
        with self._lock:
            for taken in batch:
                self._held.pop(taken.execution.id, None)

    def expect_within(self, seconds: float | None) -> None:
        """End the process unless this is called again within `seconds`; `None`: wait for ever."""
        with self._lock:
            self._deadline = None if seconds is None else time.monotonic() + seconds

    def _beat(self) -> None:
        while True:
            time.sleep(self._lease_s / 3)
            with self._lock:
                held, deadline = list(self._held.values()), self._deadline
            if deadline is not None and time.monotonic() > deadline:
                log.critical("batch exceeded its time, ending the worker", jobs=len(held))
                os._exit(EXIT_HUNG)
            try:
                self._renew(held)
            except redis.RedisError as error:
                log.error("heartbeat", error=type(error).__name__)

    def _renew(self, held: Sequence[Taken]) -> None:
        with self._connection.pipeline() as pipeline:
            self._worker_heartbeat(pipeline=pipeline)
            for taken in held:
                registry = taken.queue.started_job_registry
                taken.execution.heartbeat(registry, self._lease_s, pipeline)
            pipeline.execute()
