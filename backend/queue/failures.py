"""Why images failed: the last reasons, for people and for `firstpass retry`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, cast

import redis

from backend.errors import Failure
from backend.queue.keys import FAILURES, FAILURES_BY_TIME

__all__ = ["FailureLog", "FailureRecord"]

#: Reasons kept; beyond them the oldest are forgotten. RQ's failed registry keeps the jobs themselves.
KEPT = 10_000


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """One image that failed for good: `image` is its reference as shown in logs, without secrets."""

    job_id: str
    image: str
    kind: str
    message: str
    transient: bool
    attempts: int
    #: Seconds since the epoch.
    at: float


class FailureLog:
    """The last failures in Redis, newest first."""

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def record(
        self, job_id: str, image: str, failure: Failure, attempts: int, pipeline: Any
    ) -> None:
        """Note a failure as part of a transaction, and forget the oldest beyond the bound."""
        record = FailureRecord(
            job_id, image, failure.kind, failure.message, failure.transient, attempts, time.time()
        )
        pipeline.hset(FAILURES, job_id, json.dumps(asdict(record)))
        pipeline.zadd(FAILURES_BY_TIME, {job_id: record.at})

    def trim(self) -> None:
        """Forget the oldest beyond the bound."""
        excess = self._connection.zcard(FAILURES_BY_TIME) - KEPT
        if excess > 0:
            oldest = cast(
                "list[tuple[bytes, float]]", self._connection.zpopmin(FAILURES_BY_TIME, excess)
            )
            self._connection.hdel(FAILURES, *(job_id for job_id, _ in oldest))

    def forget(self, job_id: str, pipeline: Any) -> None:
        """Drop a record, because the image was answered or is tried again."""
        pipeline.hdel(FAILURES, job_id)
        pipeline.zrem(FAILURES_BY_TIME, job_id)

    def count(self) -> int:
        """How many images have failed and were not answered since."""
        return int(self._connection.zcard(FAILURES_BY_TIME))

    def latest(self, most: int) -> Iterator[FailureRecord]:
        """The newest records, newest first."""
        ids = cast("list[bytes]", self._connection.zrevrange(FAILURES_BY_TIME, 0, most - 1))
        for text in self._connection.hmget(FAILURES, ids) if ids else ():
            if text is not None:
                yield FailureRecord(**json.loads(text))
