"""The threads that keep a worker's jobs its own, and end the process when it hangs."""

from __future__ import annotations

import faulthandler
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import redis
import structlog

from backend.errors import QueueUnavailable
from backend.queue.away import Outage
from backend.queue.connection import queue_errors
from backend.queue.keys import script
from backend.queue.take import Taken

__all__ = ["EXIT_HUNG", "Leases", "end_process"]

log = structlog.get_logger()

#: Exit code of a worker that cannot go on: its supervisor starts another.
EXIT_HUNG = 70
WATCH_S = 0.5
STDERR = 2
#: Seconds for telling Redis why the process ends.
LAST_WORDS_S = 5.0
#: Native code that holds the interpreter for this long, besides some leases, ends the process too.
SEIZED_S = 30.0


@dataclass(frozen=True, slots=True)
class _Deadline:
    """When a batch is overdue (monotonic seconds), and what it may take."""

    at: float
    seconds: float
    jobs: Sequence[Taken]


class Leases:
    """Holds jobs from `hold` to `release`, renewing their leases every third of `lease_s`.

    A stretch of native code that holds the interpreter for longer than the lease loses it: another
    worker then does the same work again, and the same result is stored twice.
    """

    def __init__(
        self,
        connection: redis.Redis,
        lease_s: float,
        worker_heartbeat: Callable[..., None],
        overdue: Callable[[Sequence[Taken], float], None],
    ) -> None:
        """`overdue` is told of the jobs that outlasted their seconds, just before the process ends."""
        self._connection = connection
        self._lease_s = lease_s
        self._worker_heartbeat = worker_heartbeat
        self._overdue = overdue
        self._script = connection.register_script(script("renew"))
        self._lock = threading.Lock()
        self._held: dict[str, Taken] = {}
        self._deadlines: dict[object, _Deadline] = {}

    def start(self) -> None:
        """Start the threads; they end with the process."""
        threading.Thread(target=self._beat, name="leases", daemon=True).start()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def hold(self, batch: Iterable[Taken]) -> None:
        """Renew these leases from now on."""
        with self._lock:
            self._held.update((taken.execution.id, taken) for taken in batch)

    def release(self, batch: Iterable[Taken]) -> None:
        """Renew these leases no longer."""
        with self._lock:
            for taken in batch:
                self._held.pop(taken.execution.id, None)

    @contextmanager
    def deadline(self, seconds: float, jobs: Sequence[Taken]) -> Iterator[None]:
        """Ends the process unless the block, which is about these jobs, is left within `seconds`.

        Only around work of our own, never around waiting for Redis.
        """
        token = object()
        with self._lock:
            self._deadlines[token] = _Deadline(time.monotonic() + seconds, seconds, jobs)
        try:
            yield
        finally:
            with self._lock:
                del self._deadlines[token]

    def _watch(self) -> None:
        seized_s = SEIZED_S + 3 * self._lease_s
        while True:
            # A thread outside the interpreter: it also ends a process that no Python thread can end,
            # because native code never lets go of the interpreter.
            faulthandler.dump_traceback_later(seized_s, exit=True, file=STDERR)
            time.sleep(WATCH_S)
            with self._lock:
                earliest = min(self._deadlines.values(), key=lambda each: each.at, default=None)
                held = len(self._held)
            if earliest is not None and time.monotonic() > earliest.at:
                self._tell(earliest)
                end_process("a batch exceeded its time", seconds=earliest.seconds, jobs=held)

    def _tell(self, deadline: _Deadline) -> None:
        """Say what is overdue, unless that hangs or fails too: this process ends in any case."""

        def tell() -> None:
            try:
                self._overdue(deadline.jobs, deadline.seconds)
            except Exception as error:  # noqa: BLE001 - the last words of a process
                log.error("could not note what took too long", error=type(error).__name__)

        teller = threading.Thread(target=tell, name="overdue", daemon=True)
        teller.start()
        teller.join(LAST_WORDS_S)

    def _beat(self) -> None:
        outage = Outage("heartbeat")
        while True:
            time.sleep(self._lease_s / 3)
            with self._lock:
                held = list(self._held.values())
            try:
                with queue_errors():
                    self._renew(held)
                outage.end()
            except QueueUnavailable as error:
                log.error("heartbeat", reason=str(error))
                outage.begin()

    def _renew(self, held: Sequence[Taken]) -> None:
        entries: defaultdict[str, list[str]] = defaultdict(list)
        for taken in held:
            entries[taken.queue.started_job_registry.key].append(taken.entry)
        with self._connection.pipeline() as pipeline:
            self._worker_heartbeat(pipeline=pipeline)
            for registry, of_queue in entries.items():
                self._script(keys=[registry], args=[self._lease_s, *of_queue], client=pipeline)
            pipeline.execute()


def end_process(reason: str, **details: object) -> None:
    """End this process at once; the leases of its jobs run out, and others take them over."""
    log.critical("ending the worker", reason=reason, **details)
    os._exit(EXIT_HUNG)
