"""Queue entries that no worker can work on: taken out of the way, with a reason where people look.

Nothing of ours writes such. Whoever shares the database may, and a worker that ended at one would take
it again when it starts anew, and so would all others.
"""

from __future__ import annotations

import redis
import structlog
from rq import Queue
from rq.job import Job, JobStatus

from backend.errors import Failure, InternalError
from backend.queue.failures import FailureLog
from backend.queue.keys import result_key
from backend.queue.payload import encode_outcome

__all__ = ["put_aside"]

log = structlog.get_logger()

#: Seconds that what was found is kept, for whoever wants to look.
KEPT_S = 86_400
#: Seconds that whoever asked for it is told so.
ANSWERED_S = 600


def put_aside(
    connection: redis.Redis, queue: Queue, job_id: bytes, entry: bytes, error: Exception
) -> None:
    """Fail a job that cannot be read; `entry` is its lease. Raises Redis's own errors."""
    shown = job_id.decode("utf-8", "backslashreplace")
    failure = Failure.of(
        InternalError(
            f"an entry of the queue {queue.name} is no job of Firstpass's: {error!r:.200}; it was put "
            "aside, see who else writes to this Redis"
        )
    )
    log.error("queue entry put aside", job=shown, reason=failure.message)
    failures, key = FailureLog(connection), Job.redis_job_namespace_prefix.encode() + job_id
    with connection.pipeline() as pipeline:
        pipeline.zrem(queue.started_job_registry.key, entry)
        pipeline.set(result_key(shown), encode_outcome(failure), ex=ANSWERED_S)
        failures.record(shown, "(unreadable job)", failure, 1, pipeline)
        pipeline.execute()
    with connection.pipeline() as pipeline:
        pipeline.hset(key, "status", JobStatus.FAILED.value)
        pipeline.expire(key, KEPT_S)
        pipeline.execute(raise_on_error=False)  # it may be no hash
    failures.trim()
