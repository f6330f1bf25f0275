"""Taking jobs off the queues in batches, each leased in the same atomic step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import redis
from rq import Queue
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import current_timestamp

from backend.queue.keys import script

__all__ = ["Taken", "Taker"]


@dataclass(slots=True)
class Taken:
    """A leased job, the queue it came from, and RQ's record of this try."""

    job: Job
    queue: Queue
    execution: Execution
    #: Started before: it, or a batch-mate, ended its worker. Such a job runs alone.
    suspect: bool


class Taker:
    """Takes from several queues, the most urgent first; one batch comes from one queue."""

    def __init__(
        self, connection: redis.Redis, queues: Sequence[Queue], worker_name: str, lease_s: int
    ) -> None:
        self._connection = connection
        self._queues = {queue.key: queue for queue in queues}
        self._worker_name = worker_name
        self._lease_s = lease_s
        self._script = connection.register_script(script("take"))

    def take(self, most: int, queues: Sequence[Queue] | None = None) -> list[Taken]:
        """Up to `most` leased jobs (all queues, unless given); empty when nothing waits."""
        asked = self._queues.values() if queues is None else queues
        rows = self._script(
            keys=[key for queue in asked for key in (queue.key, queue.started_job_registry.key)],
            args=[
                current_timestamp() + self._lease_s,
                most,
                Job.redis_job_namespace_prefix,
                *(uuid4().hex for _ in range(most)),
            ],
        )
        return [self._taken(*row) for row in rows]

    def _taken(self, queue_key: bytes, job_id: bytes, execution: bytes, flat: list[bytes]) -> Taken:
        queue = self._queues[queue_key.decode()]
        job = Job(job_id.decode(), connection=self._connection, serializer=JSONSerializer)
        job.restore(dict(zip(flat[::2], flat[1::2], strict=True)))
        job.origin = queue.name  # it may have been promoted to another queue
        return Taken(
            job,
            queue,
            Execution(execution.decode(), job.id, self._connection, worker_name=self._worker_name),
            suspect=job.started_at is not None,
        )
