"""Images that failed before, asked for anew rather than answered with the failure that is kept."""

from __future__ import annotations

from collections.abc import Collection

import redis

from backend.errors import Failure, InternalError
from backend.queue.connection import queue_errors
from backend.queue.keys import result_key
from backend.queue.payload import decode_outcome

__all__ = ["forget_failures"]


def forget_failures(connection: redis.Redis, job_ids: Collection[str]) -> int:
    """Removes the stored outcomes of these jobs that are failures; how many. Raises `QueueUnavailable`."""
    keys = [result_key(job_id) for job_id in job_ids]
    if not keys:
        return 0
    with queue_errors():
        stored = connection.mget(keys)
        failed = [key for key, text in zip(keys, stored, strict=True) if text and _is_failure(text)]
        return int(connection.delete(*failed)) if failed else 0


def _is_failure(text: str | bytes) -> bool:
    try:
        return isinstance(decode_outcome(text), Failure)
    except InternalError:
        return True  # damaged: no answer to go by either
