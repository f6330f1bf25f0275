"""Requests -> jobs in Redis: one atomic Lua call each, thousands in one round trip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import redis
from rq import Queue, Retry
from rq.job import Job
from rq.scripts import _build_hset_args
from rq.serializers import JSONSerializer

from backend.errors import Failure, InternalError
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Outcome
from backend.queue.client import foreign_keys, is_foreign, wrong_type
from backend.queue.clock import RedisClock
from backend.queue.connection import foreign_value, queue_errors
from backend.queue.keys import (
    BELL,
    BULK_QUEUE,
    INTERACTIVE_QUEUE,
    result_key,
    script,
    waiters_key,
)
from backend.queue.payload import encode_request, read_outcome

__all__ = ["Standing", "Submission", "SubmitLimits", "Submitted", "Submitter"]

#: RQ asks for a function's name. It is never imported: the worker calls its own handler.
JOB_NAME = "firstpass.predict"
MAX_TRIES = 3
#: Why a job failed that ended its workers.
LOST = "its worker ended while working on it, each time it was tried"
#: A waiter that has not been told by then has long given up.
WAITER_TTL_S = 600
#: Jobs per round trip: bounded, so that neither side holds a huge buffer.
PIPELINE_SIZE = 500


class Standing(StrEnum):
    """How a submitted request stands."""

    HIT = "hit"
    JOINED = "joined"
    QUEUED = "queued"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Submission:
    """A request and the id that names its work."""

    job_id: str
    request: ModelRequest


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a submission; `outcome` is set for a hit."""

    job_id: str
    standing: Standing
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class SubmitLimits:
    """`queue_limit` jobs may wait in one queue; a batch may take `job_timeout_s`."""

    queue_limit: int
    job_timeout_s: int


class Submitter:
    """Puts requests into the interactive or the bulk queue."""

    def __init__(self, connection: redis.Redis, limits: SubmitLimits) -> None:
        self._connection = connection
        self._limits = limits
        self._clock = RedisClock(connection)
        self._script = connection.register_script(script("submit"))
        self._queues = {
            name: Queue(name, connection=connection, serializer=JSONSerializer)
            for name in (INTERACTIVE_QUEUE, BULK_QUEUE)
        }

    def submit(
        self, submissions: Sequence[Submission], *, interactive: bool, reply_channel: str = ""
    ) -> list[Submitted]:
        """One entry per submission, in order. Raises `QueueUnavailable` when Redis does not answer."""
        name = INTERACTIVE_QUEUE if interactive else BULK_QUEUE
        with queue_errors():
            return [
                submitted
                for start in range(0, len(submissions), PIPELINE_SIZE)
                for submitted in self._submit_part(
                    submissions[start : start + PIPELINE_SIZE], self._queues[name], reply_channel
                )
            ]

    def _submit_part(
        self, submissions: Sequence[Submission], queue: Queue, reply_channel: str
    ) -> Iterator[Submitted]:
        with self._connection.pipeline(transaction=False) as pipeline:
            for submission in submissions:
                job = self._job(submission, queue)
                self._script(
                    keys=list(_keys(job.id, queue)),
                    args=[
                        job.id,
                        queue.name,
                        self._limits.queue_limit,
                        reply_channel,
                        int(queue.name == INTERACTIVE_QUEUE),
                        WAITER_TTL_S,
                        *_build_hset_args(job),
                    ],
                    client=pipeline,
                )
            replies: list[list[Any] | Exception] = pipeline.execute(raise_on_error=False)
        for submission, reply in zip(submissions, replies, strict=True):
            yield self._submitted(submission.job_id, queue, reply)

    def _submitted(self, job_id: str, queue: Queue, reply: list[Any] | Exception) -> Submitted:
        if isinstance(reply, Exception):
            if not (isinstance(reply, redis.ResponseError) and is_foreign(reply)):
                raise reply
            foreign = self._foreign(_keys(job_id, queue))
            for key in (queue.key, BELL, Queue.redis_queues_keys):
                if key in foreign:  # which all jobs share
                    raise wrong_type(key) from reply
            # Somebody else's value stands where this one job's belongs.
            named, _ = foreign_value(foreign or foreign_keys(reply))
            failed = InternalError(f"its job cannot be stored: {named}")
            return Submitted(job_id, Standing.HIT, Failure.of(failed))
        standing, *result = reply
        outcome = read_outcome(result[0]) if result else None
        if isinstance(outcome, Failure) and outcome.kind == InternalError.__name__:
            self._connection.delete(result_key(job_id))  # the next who asks has it done anew
        return Submitted(job_id, Standing(standing.decode()), outcome)

    def _foreign(self, kinds: Mapping[str, str]) -> list[str]:
        """Those of the keys that hold another type; none where we may not ask."""
        with self._connection.pipeline(transaction=False) as pipeline:
            for key in kinds:
                pipeline.type(key)
            found: list[Any] = pipeline.execute(raise_on_error=False)
        return [
            key
            for (key, kind), there in zip(kinds.items(), found, strict=True)
            if isinstance(there, bytes) and there.decode() not in (kind, "none")
        ]

    def _job(self, submission: Submission, queue: Queue) -> Job:
        job = queue.create_job(
            JOB_NAME,
            args=(encode_request(submission.request),),
            job_id=submission.job_id,
            description="",
            timeout=self._limits.job_timeout_s,
            # Results live under our own keys: RQ's take 5 KB each. This is for `rq info`.
            result_ttl=60,
            failure_ttl=86_400,
            retry=Retry(max=MAX_TRIES - 1),
        )
        queue._prepare_for_queue(job)
        job.enqueued_at = self._clock.utc()  # workers and status count from it
        return job


def _keys(job_id: str, queue: Queue) -> dict[str, str]:
    """The keys of the script, in its order, and of which type what stands there is."""
    return {
        Job.key_for(job_id): "hash",
        queue.key: "list",
        result_key(job_id): "string",
        waiters_key(job_id): "set",
        BELL: "list",
        Queue.redis_queues_keys: "set",
    }
