"""Storing what became of jobs: outcome, wake-up and RQ's records in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import redis
import structlog
from rq.executions import ExecutionRegistry
from rq.job import Job, JobStatus
from rq.utils import utcformat

from backend.errors import Failure
from backend.images.reference import ImageRef
from backend.prediction.request import Outcome
from backend.queue.away import Outage, is_away, said_by_redis
from backend.queue.client import foreign_keys, is_foreign
from backend.queue.clock import RedisClock
from backend.queue.connection import foreign_value
from backend.queue.failures import FailureLog
from backend.queue.keys import (
    FAILURE_KINDS,
    FAILURES,
    FAILURES_BY_TIME,
    HISTOGRAMS,
    WORKERS,
    result_key,
    script,
    waiters_key,
)
from backend.queue.payload import encode_outcome
from backend.queue.submit import MAX_TRIES
from backend.queue.take import BEGUN, HOLDER, Taken

__all__ = ["Finisher", "KeepLimits", "persist"]

log = structlog.get_logger()
T = TypeVar("T")

#: Seconds that RQ keeps a finished job, for its tools; results lie under our own keys.
FINISHED_TTL_S = 60
#: Seconds that RQ keeps a job as failed which does not say so itself.
FAILED_TTL_S = 86_400
#: What is only told to people: images are answered without it.
_FIGURES = frozenset({FAILURES, FAILURES_BY_TIME, FAILURE_KINDS, HISTOGRAMS, WORKERS})


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
        self._finish = connection.register_script(script("finish"))
        self.clock = RedisClock(connection)
        self.failures = FailureLog(connection, self.clock)

    def finish(self, done: Sequence[tuple[Taken, Outcome]], also: Callable[[Any], None]) -> None:
        """Store all outcomes, wake all waiters and close RQ's records, with `also` in the same MULTI.

        Safe to call again when it is not known whether it was done.
        """
        with self._connection.pipeline() as pipeline:
            for taken, outcome in done:
                self._finish_one(taken, outcome, pipeline)
            also(pipeline)
            replies = pipeline.execute(raise_on_error=False)
        told = {key.decode() for foreign in replies[: len(done)] for key in _listed(foreign)}
        _note(replies, told)

    def _finish_one(self, taken: Taken, outcome: Outcome, pipeline: Any) -> None:
        job, execution = taken.job, taken.execution
        self._finish(
            keys=[
                job.key,
                taken.queue.started_job_registry.key,
                taken.queue.finished_job_registry.key,
                execution.key,
                ExecutionRegistry(job.id, self._connection).key,
                result_key(job.id),
                waiters_key(job.id),
                FAILURES,
                FAILURES_BY_TIME,
            ],
            args=[
                job.id,
                execution.id,
                encode_outcome(outcome),
                self._limits.result_ttl_s,
                FINISHED_TTL_S,
                utcformat(self.clock.utc()),
                self.clock() + FINISHED_TTL_S,
            ],
            client=pipeline,
        )

    def fail(self, taken: Taken, failure: Failure, trace: str) -> bool:
        """Store why a job failed for good, and wake its waiters. False when it is no longer ours."""
        job = taken.job
        attempts = MAX_TRIES - (job.retries_left or 0)

        def write(pipeline: Any) -> None:
            job.ended_at, job.retries_left = self.clock.utc(), 0
            job.set_status(JobStatus.FAILED, pipeline=pipeline)
            job._handle_failure(trace, pipeline=pipeline, worker_name=self._worker_name)
            kept_until = self.clock() + (
                job.failure_ttl or FAILED_TTL_S
            )  # RQ's is by our own clock
            pipeline.zadd(job.failed_job_registry.key, {job.id: kept_until})
            taken.execution.delete(job=job, pipeline=pipeline)
            text = encode_outcome(failure)
            pipeline.set(result_key(job.id), text, ex=self._limits.failure_ttl_s)
            self.failures.record(job.id, _image_of(job), failure, attempts, pipeline)
            self._announce(keys=[waiters_key(job.id)], args=[job.id], client=pipeline)

        stored = self._if_held(taken, write)
        try:
            self.failures.trim()
        except redis.ResponseError as error:
            _note([error])
        return stored

    def retry(self, taken: Taken, after_s: float) -> bool:
        """Use up one try, and let the job wait before the next. False when it is no longer ours.

        It waits as a lease that nobody renews: when that runs out, it goes back into its queue. It
        ended no worker, so it is no suspect.
        """
        job, registry = taken.job, taken.queue.started_job_registry
        left = max(0, (job.retries_left or 0) - 1)
        score = -(self.clock() + after_s)

        def write(pipeline: Any) -> None:
            pipeline.hset(job.key, "retries_left", left)
            pipeline.hdel(job.key, BEGUN)
            taken.execution.delete(job=job, pipeline=pipeline)
            pipeline.zadd(registry.key, {taken.entry: score})

        return self._if_held(taken, write)

    def _if_held(self, taken: Taken, write: Callable[[Any], None]) -> bool:
        """Do `write` in a transaction, unless the job was taken away, cancelled or deleted."""
        with self._connection.pipeline() as pipeline:
            while True:
                try:
                    pipeline.watch(taken.job.key)
                    held = pipeline.hmget(taken.job.key, "status", HOLDER)
                    if held != [JobStatus.STARTED.encode(), taken.execution.id.encode()]:
                        return False
                    pipeline.multi()
                    write(pipeline)
                    _note(pipeline.execute(raise_on_error=False))
                    return True
                except redis.WatchError:
                    continue


def _listed(reply: object) -> list[bytes]:
    """The keys that the script `finish` names; none where it failed."""
    return reply if isinstance(reply, list) else []


def _note(replies: Sequence[object], told: Iterable[str] = ()) -> None:
    """Say which figures a foreign value keeps from being counted, those under `told` too. Raises any other error.

    A transaction does all else; that a figure is not counted is no reason to end.
    """
    foreign = set(told)
    for reply in replies:
        if isinstance(reply, redis.RedisError):
            keys = {*foreign_keys(reply)}
            if not (is_foreign(reply) and keys and keys <= _FIGURES):
                raise reply
            foreign |= keys
    if foreign:
        log.error("figures not counted", reason="; ".join(foreign_value(sorted(foreign))))


def persist(store: Callable[[], T]) -> T:
    """What `store` gives, tried again and again for as long as Redis is away.

    A full disk waits for a person, and to end would only have the models loaded anew.
    """
    wait, outage = 0.1, Outage("storing")
    while True:
        try:
            stored = store()
            outage.end()
            return stored
        except redis.RedisError as error:
            if not is_away(error):
                raise
            log.error("waiting for redis", error=type(error).__name__, reason=said_by_redis(error))
            outage.begin()
            time.sleep(wait)
            wait = min(2 * wait, 2.0)


def _image_of(job: Job) -> str:
    """The image's reference as shown in logs; a job about none, or that does not decode, has none."""
    try:
        match job.args:
            case ({"image": None},) | [{"image": None}]:
                return "(texts)"
            case ({"image": image},) | [{"image": image}]:
                return ImageRef.from_json(image).display
    except Exception:  # noqa: BLE001 - anybody may have written it
        log.warning("unreadable job", job=job.id)
    return "(unreadable job)"
