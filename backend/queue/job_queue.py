"""Ask the workers and wait a while: what `/predict` does with its requests."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import redis
import structlog
from rq.job import Job, JobStatus

from backend.errors import Failure, InferenceFailed, QueueFull, QueueUnavailable
from backend.plan import ModelRequest
from backend.queue.connection import queue_errors
from backend.queue.keys import result_key
from backend.queue.payload import Outcome, decode_outcome
from backend.queue.results import ResultListener
from backend.queue.submit import LOST, Standing, Submission, Submitter
from backend.queue.vitals import count_submissions

__all__ = ["Asked", "JobQueue"]

log = structlog.get_logger()

#: How often a waiting request looks for itself, in case a wake-up or a job was lost.
RECHECK_S = 5.0

#: How a job may have ended without an outcome, by the doing of RQ's own tools.
_ENDED = {
    JobStatus.FAILED.encode(): LOST,
    JobStatus.CANCELED.encode(): "its job was cancelled",
    JobStatus.STOPPED.encode(): "its job was stopped",
}


@dataclass(slots=True)
class Asked:
    """What is known of the jobs asked for: an outcome each, or still pending."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    #: How many stood how when submitted.
    standings: dict[Standing, int] = field(default_factory=dict)


class JobQueue:
    """Submits requests, waits for their outcomes, and re-submits work that vanished."""

    def __init__(
        self, connection: redis.Redis, submitter: Submitter, listener: ResultListener
    ) -> None:
        self._connection = connection
        self._submitter = submitter
        self._listener = listener

    def ask(
        self, requests: Mapping[str, ModelRequest], *, interactive: bool, wait_s: float
    ) -> Asked:
        """Submit (job id -> request) and wait up to `wait_s` for the outcomes.

        What is not finished by then stays queued and is `pending`. A job refused by a full queue has
        a `QueueFull` failure as its outcome. Raises `QueueUnavailable` when Redis does not take the
        requests; one that goes away later is waited for.
        """
        deadline = time.monotonic() + wait_s
        asked = Asked(pending=set(requests))
        with self._listener.waiting_for(requests) as waiting:
            with queue_errors():
                self._submit(asked, requests, interactive)
                count_submissions(asked.standings.items(), self._connection)
            look_at = time.monotonic() + RECHECK_S
            while asked.pending and (left := deadline - time.monotonic()) > 0:
                told = waiting.wait(min(left, max(0.0, look_at - time.monotonic())))
                try:
                    self._collect(asked, told & asked.pending)
                    if time.monotonic() >= look_at:
                        look_at = time.monotonic() + RECHECK_S
                        self._look(asked, requests, interactive)
                except (redis.RedisError, QueueUnavailable) as error:
                    # The work is queued, and Redis may be back before the wait is over.
                    log.warning("redis is away, waiting on", error=type(error).__name__)
        return asked

    def _submit(
        self, asked: Asked, requests: Mapping[str, ModelRequest], interactive: bool
    ) -> None:
        submissions = [Submission(job_id, requests[job_id]) for job_id in asked.pending]
        for submitted in self._submitter.submit(
            submissions, interactive=interactive, reply_channel=self._listener.channel
        ):
            standing = submitted.standing
            asked.standings[standing] = asked.standings.get(standing, 0) + 1
            if submitted.outcome is not None:
                self._settle(asked, submitted.job_id, submitted.outcome)
            elif standing is Standing.BUSY:
                full = QueueFull("the queue is full; try again when it has drained")
                self._settle(asked, submitted.job_id, Failure.of(full))

    def _collect(self, asked: Asked, job_ids: Iterable[str]) -> None:
        ids = list(job_ids)
        if not ids:
            return
        stored = self._connection.mget([result_key(job_id) for job_id in ids])
        for job_id, text in zip(ids, stored, strict=True):
            if text is not None:
                self._settle(asked, job_id, decode_outcome(text))

    def _look(self, asked: Asked, requests: Mapping[str, ModelRequest], interactive: bool) -> None:
        """See what became of each pending job, told or not; submit again those that vanished."""
        ids, vanished = list(asked.pending), []
        with self._connection.pipeline(transaction=False) as pipeline:
            for job_id in ids:
                pipeline.hget(Job.key_for(job_id), "status")
                pipeline.get(result_key(job_id))
            replies = pipeline.execute()
        for job_id, status, text in zip(ids, replies[::2], replies[1::2], strict=True):
            if text is not None:
                self._settle(asked, job_id, decode_outcome(text))
            elif status in _ENDED:
                self._settle(asked, job_id, Failure.of(InferenceFailed(_ENDED[status])))
            elif status not in (JobStatus.QUEUED.encode(), JobStatus.STARTED.encode()):
                vanished.append(job_id)
        if vanished:
            again = Asked(pending=set(vanished))
            self._submit(again, requests, interactive)
            for job_id, outcome in again.outcomes.items():
                self._settle(asked, job_id, outcome)

    @staticmethod
    def _settle(asked: Asked, job_id: str, outcome: Outcome) -> None:
        asked.outcomes[job_id] = outcome
        asked.pending.discard(job_id)
