"""Why images failed: the last reasons, for people and for `firstpass retry`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Annotated, Any, cast

import redis
from pydantic import Field, TypeAdapter, ValidationError

from backend.errors import Failure
from backend.queue.clock import RedisClock
from backend.queue.keys import FAILURE_KINDS, FAILURES, FAILURES_BY_TIME, failed_in_key

__all__ = ["KEPT_S", "FailedTask", "FailureLog", "FailureRecord", "failed_task_of", "records_of"]

#: Reasons kept, and for how long: beyond either the oldest are forgotten.
KEPT = 10_000
KEPT_S = 7 * 86_400
#: A model's own message may be pages long.
MESSAGE_CHARS = 500

#: Drops a record unless the image has failed anew since it was read.
#: KEYS: records, ids by time   ARGV: job id, the record as read
_FORGET = """
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
end
"""


@dataclass(frozen=True, slots=True)
class FailedTask:
    """A task that failed through no image of its own; `project` as Label Studio names it, `4.1795207698`."""

    project: Annotated[str, Field(pattern=r"^\d{1,18}\.\d{1,18}$")]
    task: Annotated[int, Field(ge=0)]

    @property
    def name(self) -> str:
        """What people read and type in place of a job's id."""
        return f"task {self.task} of project {self.project}"


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """One image that failed for good: `image` is its reference as shown in logs, without secrets.

    Of a task that failed through no image, `job_id` is the task's name.
    """

    job_id: str
    image: str
    kind: str
    message: str
    transient: bool
    attempts: int
    #: Seconds since the epoch, by Redis's clock.
    at: float
    task: FailedTask | None = None

    @property
    def short_id(self) -> str:
        """As much of the id as a person needs to give to `firstpass retry`."""
        return self.job_id if self.task is not None else self.job_id[:12]

    def to_json(self) -> str:
        """The text that is stored; the same record gives the same text, that of older versions too."""
        told = asdict(self)
        if self.task is None:
            del told["task"]
        return json.dumps(told, sort_keys=True)


_RECORD = TypeAdapter(FailureRecord)
_TASK = TypeAdapter(FailedTask)


def failed_task_of(stored: bytes | None) -> FailedTask | None:
    """The task that `found_in` noted; none where there is nothing, or something else."""
    with suppress(ValidationError):
        return None if stored is None else _TASK.validate_json(stored)
    return None


class FailureLog:
    """The last failures in Redis, newest first."""

    def __init__(self, connection: redis.Redis, clock: Callable[[], float] | None = None) -> None:
        self._connection = connection
        self._clock = clock or RedisClock(connection)
        self._forget = connection.register_script(_FORGET)

    def record(
        self,
        job_id: str,
        image: str,
        failure: Failure,
        attempts: int,
        pipeline: Any,
        task: FailedTask | None = None,
    ) -> None:
        """Note a failure as part of a transaction."""
        message = failure.message
        if len(message) > MESSAGE_CHARS:
            message = f"{message[: MESSAGE_CHARS - 3]}..."
        record = FailureRecord(
            job_id, image, failure.kind, message, failure.transient, attempts, self._clock(), task
        )
        pipeline.hset(FAILURES, job_id, record.to_json())
        pipeline.zadd(FAILURES_BY_TIME, {job_id: record.at})
        pipeline.hincrby(FAILURE_KINDS, failure.kind, 1)

    def found_in(self, job_id: str, task: FailedTask, pipeline: Any) -> None:
        """Note, as part of a transaction, a task that has the image of this job."""
        pipeline.set(failed_in_key(job_id), json.dumps(asdict(task)), ex=KEPT_S)

    def trim(self) -> None:
        """Forget the oldest beyond the bounds of number and age."""
        connection = self._connection
        many = connection.zrange(FAILURES_BY_TIME, 0, -KEPT - 1)
        old = connection.zrangebyscore(FAILURES_BY_TIME, "-inf", self._clock() - KEPT_S)
        gone = cast("set[bytes]", {*many, *old})
        if gone:
            connection.zrem(FAILURES_BY_TIME, *gone)
            connection.hdel(FAILURES, *gone)

    def forget_unchanged(self, records: Iterable[FailureRecord]) -> None:
        """Drop these records, but not one whose image has failed anew since: one round trip."""
        with self._connection.pipeline(transaction=False) as pipeline:
            for record in records:
                self._forget(
                    keys=[FAILURES, FAILURES_BY_TIME],
                    args=[record.job_id, record.to_json()],
                    client=pipeline,
                )
            pipeline.execute()

    def count(self) -> int:
        """How many images have failed and were not answered since."""
        return int(self._connection.zcount(FAILURES_BY_TIME, self._clock() - KEPT_S, "+inf"))

    def latest(self, most: int = KEPT) -> list[FailureRecord]:
        """The newest records, newest first."""
        ids = cast("list[bytes]", self._connection.zrevrange(FAILURES_BY_TIME, 0, most - 1))
        return list(records_of(self._connection.hmget(FAILURES, ids))) if ids else []


def records_of(stored: Sequence[bytes | str | None]) -> Iterator[FailureRecord]:
    """The records that these texts hold; what is gone, or of another version, is left out."""
    for text in stored:
        if text is None:
            continue
        with suppress(ValidationError):
            yield _RECORD.validate_json(text)
