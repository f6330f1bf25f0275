"""Ask the workers and wait a while: what `/predict` does with its requests."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import redis

from backend.errors import Failure, QueueFull
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Outcome
from backend.queue.results import ResultListener
from backend.queue.submit import Standing, SubmitLimits, Submitter
from backend.queue.window import RECHECK_S, Window
from backend.settings import Settings

__all__ = ["Asked", "AsksWorkers", "JobQueue", "RunningQueue", "job_queue"]


@dataclass(slots=True)
class Asked:
    """What is known of the jobs asked for: an outcome each, or still pending."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    #: How many stood how when submitted.
    standings: dict[Standing, int] = field(default_factory=dict)


class AsksWorkers(Protocol):
    """`JobQueue`, or what a test puts in its place."""

    def ask(
        self, requests: Mapping[str, ModelRequest], *, interactive: bool, wait_s: float
    ) -> Asked:
        """See `JobQueue.ask`."""


class JobQueue:
    """Submits requests and waits for their outcomes."""

    def __init__(
        self,
        connection: redis.Redis,
        submitter: Submitter,
        listener: ResultListener,
        *,
        recheck_s: float = RECHECK_S,
    ) -> None:
        """Who waits looks every `recheck_s` seconds for itself, in case a wake-up or a job was lost."""
        self._connection = connection
        self._submitter = submitter
        self._listener = listener
        self._recheck_s = recheck_s

    def window(self, *, interactive: bool, consumes: bool = False) -> Window:
        """An empty window onto the workers; `consumes` is for who reads many answers once."""
        return Window(
            self._connection,
            self._submitter,
            self._listener,
            interactive=interactive,
            consumes=consumes,
            recheck_s=self._recheck_s,
        )

    def ask(
        self, requests: Mapping[str, ModelRequest], *, interactive: bool, wait_s: float
    ) -> Asked:
        """Submit (job id -> request) and wait up to `wait_s` for the outcomes.

        What is not finished by then, or when the listener is released, stays queued and is `pending`. A job refused by a full queue has
        a `QueueFull` failure as its outcome. Raises `QueueUnavailable` when Redis does not take the
        requests; one that goes away later is waited for.
        """
        deadline = time.monotonic() + wait_s
        with self.window(interactive=interactive) as window:
            window.add(requests)
            standings = window.submit()
            full = Failure.of(
                QueueFull(
                    "the queue is full; try again when it has drained, or raise FIRSTPASS_QUEUE_LIMIT"
                )
            )
            refused = {job_id for job_id, how in standings.items() if how is Standing.BUSY}
            window.drop(refused)
            outcomes: dict[str, Outcome] = dict.fromkeys(refused, full)
            outcomes |= window.collect(0)
            while window.pending and not window.is_released:
                if (left := deadline - time.monotonic()) <= 0:
                    break
                outcomes |= window.collect(left)
            return Asked(outcomes, window.pending, dict(Counter(standings.values())))


@dataclass(frozen=True, slots=True)
class RunningQueue:
    """A queue's client, and what brackets its life: call `start` before it is used and `close` after.

    After `release` nobody waits any more; `pause` sleeps so many seconds, or until then, and `orderly` is
    around what is done after a wait.
    """

    queue: JobQueue
    start: Callable[[], None]
    release: Callable[[], None]
    pause: Callable[[float], object]
    orderly: Callable[[], AbstractContextManager[object]]
    close: Callable[[], None]


def job_queue(settings: Settings, connection: redis.Redis) -> RunningQueue:
    """A client of the workers; Redis is not asked yet."""
    listener = ResultListener(connection)
    submitter = Submitter(connection, SubmitLimits(settings.queue_limit, settings.job_timeout_s))
    queue = JobQueue(connection, submitter, listener)
    return RunningQueue(
        queue,
        start=listener.start,
        release=listener.release,
        pause=listener.released.wait,
        orderly=listener.orderly,
        close=listener.close,
    )
