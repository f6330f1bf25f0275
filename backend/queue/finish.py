"""Storing what became of jobs: outcome, wake-up and RQ's records in one transaction per batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import redis
import structlog
from rq.job import Job, JobStatus
from rq.utils import now

from backend.errors import Failure, FirstpassError, InferenceFailed
from backend.images.reference import ImageRef
from backend.queue.failures import FailureLog
from backend.queue.keys import result_key, script, waiters_key
from backend.queue.payload import Outcome, encode_outcome
from backend.queue.submit import MAX_TRIES
from backend.queue.take import Taken

__all__ = ["Finisher", "KeepLimits", "failure_of", "persist"]

log = structlog.get_logger()
T = TypeVar("T")

#: How long outcomes that are computed already are offered to a Redis that is away.
PERSIST_FOR_S = 120.0


@dataclass(frozen=True, slots=True)
class KeepLimits:
    """Seconds that answers and final failures are kept: a mended image is not held against."""

    result_ttl_s: int
    failure_ttl_s: int


class Finisher:
    """Writes outcomes for one worker."""

    def __init__(self, connection: redis.Redis, worker_name: str, limits: KeepLimits) -> None:
        self._connection = connection
        self._worker_name = worker_name
        self._limits = limits
        self._announce = connection.register_script(script("announce"))
        self.failures = FailureLog(connection)

    def finish(self, done: Sequence[tuple[Taken, Outcome]], also: Callable[[Any], None]) -> None:
        """Store all outcomes, wake all waiters and close RQ's records, with `also` in the same MULTI."""
        with self._connection.pipeline() as pipeline:
            for taken, outcome in done:
                self._finish_one(taken, outcome, pipeline)
            also(pipeline)
            pipeline.execute()

    def _finish_one(self, taken: Taken, outcome: Outcome, pipeline: Any) -> None:
        job = taken.job
        job.ended_at, job._result, job._status = now(), None, JobStatus.FINISHED
        ttl = job.get_result_ttl(0)
        job._handle_success(
            ttl,
            pipeline,
            worker_name=self._worker_name,
            execution_id=taken.execution.id,
            execution_started_at=job.started_at,
            execution_ended_at=job.ended_at,
        )
        job.cleanup(ttl, pipeline=pipeline, remove_from_queue=False)
        taken.execution.delete(job=job, pipeline=pipeline)
        self._store(job.id, outcome, self._limits.result_ttl_s, pipeline)
        if job.retries_left != MAX_TRIES - 1:
            self.failures.forget(job.id, pipeline)

    def fail(self, job: Job, failure: Failure) -> None:
        """Store why a job failed for good, and wake its waiters."""
        attempts = MAX_TRIES - (job.retries_left or 0)
        with self._connection.pipeline() as pipeline:
            self._store(job.id, failure, self._limits.failure_ttl_s, pipeline)
            self.failures.record(job.id, _image_of(job), failure, attempts, pipeline)
            pipeline.execute()
        self.failures.trim()

    def _store(self, job_id: str, outcome: Outcome, ttl_s: int, pipeline: Any) -> None:
        pipeline.set(result_key(job_id), encode_outcome(outcome), ex=ttl_s)
        self._announce(keys=[waiters_key(job_id)], args=[job_id], client=pipeline)


def persist(store: Callable[[], T], for_s: float = PERSIST_FOR_S) -> T:
    """What `store` gives, tried again and again while Redis restarts. Raises after `for_s` seconds."""
    since, wait = time.monotonic(), 0.1
    while True:
        try:
            return store()
        except (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError) as error:
            if time.monotonic() - since > for_s:
                raise
            log.error("storing outcomes", error=type(error).__name__)
            time.sleep(wait)
            wait = min(2 * wait, 2.0)


def failure_of(error: Exception) -> Failure:
    """An exception as a value; what is not ours came out of the model."""
    if isinstance(error, FirstpassError):
        return Failure.of(error)
    return Failure.of(InferenceFailed(f"the model raised {type(error).__name__}: {error}"))


def _image_of(job: Job) -> str:
    """The image's reference as shown in logs; a job that does not decode has none."""
    match job.args:
        case ({"image": image},) | [{"image": image}]:
            try:
                return ImageRef.from_json(image).display
            except FirstpassError:
                pass
    return "(unreadable job)"
