"""Failed images back into the queue: what `firstpass retry` does.

The reasons kept by `FailureLog` say which images failed; RQ's failed registries know those whose
worker ended without a word. What to do with an image is in RQ's job, which is kept for a day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from backend.errors import Failure, FirstpassError
from backend.queue.clock import RedisClock
from backend.queue.connection import queue_errors
from backend.queue.failures import FailedTask, FailureLog, FailureRecord
from backend.queue.keys import QUEUES, result_key
from backend.queue.payload import decode_outcome, decode_request
from backend.queue.submit import PIPELINE_SIZE, Standing, Submission, Submitter

__all__ = ["Retried", "Retrier"]

GONE = "its job is no longer kept (a day); ask for it again from Label Studio"
ANSWERED = "it has been answered since"
UNDER_WAY = "it is in the queue already"
FULL = "the queue is full; try again when it has drained, or raise FIRSTPASS_QUEUE_LIMIT"


@dataclass(slots=True)
class Retried:
    """Ids of the jobs that wait again; and for each that does not, why."""

    again: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


class Retrier:
    """Puts failed images into the bulk queue, each with all its tries."""

    def __init__(
        self,
        connection: redis.Redis,
        submitter: Submitter,
        owe_again: Callable[[Sequence[FailedTask]], None] = lambda tasks: None,
    ) -> None:
        """`owe_again` has the courier see to tasks that failed through no image of theirs."""
        self._owe_again = owe_again
        self._connection = connection
        self._submitter = submitter
        self._clock = RedisClock(connection)
        self._log = FailureLog(connection, self._clock)

    def retry(self, *, kind: str | None = None, wanted: Sequence[str] = ()) -> Retried:
        """All failed images, or those of one kind, or those whose job ids begin as `wanted` say.

        Raises `QueueUnavailable`. Stopped half-way it has lost nothing: what is not back in the queue
        is still listed as failed.
        """
        retried = Retried()
        with queue_errors():
            records = {
                record.job_id: record
                for record in self._log.latest()
                if kind is None or record.kind == kind
            }
            ids = [*records, *(self._unrecorded(records) if kind is None else ())]
            if wanted:
                ids = _chosen(wanted, ids, retried)
            tasks = {
                name: record.task
                for name in ids
                if (record := records.get(name)) is not None and record.task is not None
            }
            self._owe_again(list(tasks.values()))
            retried.again += tasks
            self._forget(retried.again, records)
            jobs = [job_id for job_id in ids if job_id not in tasks]
            for start in range(0, len(jobs), PIPELINE_SIZE):
                self._retry_part(jobs[start : start + PIPELINE_SIZE], records, retried)
        return retried

    def _unrecorded(self, records: Mapping[str, FailureRecord]) -> list[str]:
        """Failed jobs whose reason is not kept. An image that was asked for again since leaves its id
        behind in RQ's registry, so the jobs themselves are looked at.
        """
        now = self._clock()
        with self._connection.pipeline(transaction=False) as pipeline:
            for name in QUEUES:
                key = FailedJobRegistry.key_template.format(name)
                pipeline.zrangebyscore(key, now, "+inf")
            known = {
                raw.decode("utf-8", "backslashreplace") for ids in pipeline.execute() for raw in ids
            }
            ids = sorted(known - set(records))
            for job_id in ids:
                pipeline.hget(Job.key_for(job_id), "status")
            statuses = pipeline.execute()
        failed = JobStatus.FAILED.encode()
        return [job_id for job_id, status in zip(ids, statuses, strict=True) if status == failed]

    def _retry_part(
        self, ids: Sequence[str], records: Mapping[str, FailureRecord], retried: Retried
    ) -> None:
        submissions, settled = [], []
        for job_id, stored, result in self._read(ids):
            submission = self._submission(job_id, stored, result)
            if isinstance(submission, Submission):
                submissions.append(submission)
            else:
                retried.refused[job_id] = submission
                settled += [job_id] if submission in (ANSWERED, UNDER_WAY) else []
        if submissions:
            # The stored failure would be given as the answer until it expires.
            self._connection.delete(*(result_key(one.job_id) for one in submissions))
        for submitted in self._submitter.submit(submissions, interactive=False):
            if submitted.standing is Standing.BUSY:
                retried.refused[submitted.job_id] = FULL
            else:
                retried.again.append(submitted.job_id)
                settled.append(submitted.job_id)
        self._forget(settled, records)

    def _read(self, ids: Sequence[str]) -> Iterator[tuple[str, dict[bytes, bytes], bytes | None]]:
        with self._connection.pipeline(transaction=False) as pipeline:
            for job_id in ids:
                pipeline.hgetall(Job.key_for(job_id))
                pipeline.get(result_key(job_id))
            replies: list[Any] = pipeline.execute()
        return zip(ids, replies[::2], replies[1::2], strict=True)

    def _submission(
        self, job_id: str, stored: dict[bytes, bytes], result: bytes | None
    ) -> Submission | str:
        """What to submit, or why not."""
        try:
            if result is not None and not isinstance(decode_outcome(result), Failure):
                return ANSWERED
            status = stored.get(b"status", b"").decode()
            if status == JobStatus.FINISHED:
                return ANSWERED
            if status in (JobStatus.QUEUED, JobStatus.STARTED):
                return UNDER_WAY
            if not stored:
                return GONE
            job = Job(job_id, connection=self._connection, serializer=JSONSerializer)
            job.restore(stored)
            return Submission(job_id, decode_request(job.args[0] if len(job.args) == 1 else None))
        except (FirstpassError, NoSuchJobError, DeserializationError) as error:
            return f"its job cannot be read: {error}"

    def _forget(self, ids: Sequence[str], records: Mapping[str, FailureRecord]) -> None:
        if not ids:
            return
        self._log.forget_unchanged(records[job_id] for job_id in ids if job_id in records)
        for name in QUEUES:
            self._connection.zrem(FailedJobRegistry.key_template.format(name), *ids)


def _chosen(wanted: Sequence[str], ids: Sequence[str], retried: Retried) -> list[str]:
    """The ids that begin as wanted; a beginning that fits none or several is refused."""
    chosen: dict[str, None] = {}
    for beginning in wanted:
        fitting = [job_id for job_id in ids if job_id.startswith(beginning)]
        if len(fitting) == 1:
            chosen[fitting[0]] = None
        else:
            retried.refused[beginning] = (
                f"it fits {len(fitting)} failed images; give more of the id"
                if fitting
                else "no failed image has an id that begins so"
            )
    return list(chosen)
