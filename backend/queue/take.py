"""Taking jobs off the queues in batches, each leased in the same atomic step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import redis
from rq import Queue
from rq.executions import Execution, ExecutionRegistry
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import utcformat

from backend.queue.aside import put_aside
from backend.queue.clock import RedisClock
from backend.queue.keys import BELL, script

__all__ = ["BEGUN", "HOLDER", "Taken", "Taker"]

#: Fields of RQ's job hash that are ours; `take.lua` says what they mean.
HOLDER, BEGUN = "firstpass_execution", "firstpass_begun"
#: RQ's record of a try, for its tools; removed with the lease, and gone by itself after this.
EXECUTION_TTL_S = 3600
#: No job of ours names more seconds, and Redis itself refuses numbers that are much larger.
MOST_S = 10**9


@dataclass(slots=True, eq=False)
class Taken:
    """A leased job, the queue it came from, and RQ's record of this try."""

    job: Job
    queue: Queue
    execution: Execution
    #: It, or a batch-mate, ended its worker. Such a job runs alone.
    suspect: bool

    @property
    def entry(self) -> str:
        """Its member in the registry of started jobs."""
        return str(self.execution.composite_key)


class Taker:
    """Takes from several queues, the most urgent first; one batch comes from one queue."""

    def __init__(
        self, connection: redis.Redis, queues: Sequence[Queue], worker_name: str, lease_s: float
    ) -> None:
        self._connection = connection
        self._queues = {queue.key: queue for queue in queues}
        self._worker_name = worker_name
        self._lease_s = lease_s
        self._clock = RedisClock(connection)
        self._take = connection.register_script(script("take"))
        self._begin = connection.register_script(script("begin"))
        self._give_back = connection.register_script(script("give_back"))

    def take(
        self, most: int, queues: Sequence[Queue] | None = None, *, suspects: bool = True
    ) -> list[Taken]:
        """Up to `most` leased jobs (all queues, unless given); empty when nothing waits.

        Without `suspects` also empty when the next one is a suspect: it is left where it is.
        """
        asked = list(self._queues.values() if queues is None else queues)
        while True:
            rows = self._rows(most, asked, suspects=suspects)
            taken = [one for row in rows if (one := self._taken(*row)) is not None]
            if taken or not rows:
                return taken

    def _rows(self, most: int, asked: Sequence[Queue], *, suspects: bool) -> list[list[Any]]:
        rows: list[list[Any]] = self._take(
            keys=[key for queue in asked for key in (queue.key, queue.started_job_registry.key)],
            args=[
                self._lease_s,
                most,
                Job.redis_job_namespace_prefix,
                Queue.redis_queue_namespace_prefix,
                int(not suspects),
                *(uuid4().hex for _ in range(most)),
            ],
        )
        return rows

    def begin(self, batch: Sequence[Taken]) -> list[Taken]:
        """Note that these are about to be worked on; gives those not cancelled or deleted meanwhile.

        Called before an image is touched, since it may end the process while it is decoded.
        """
        at = self._clock.utc()
        fields = {
            "started_at": utcformat(at),
            "last_heartbeat": utcformat(at),
            "worker_name": self._worker_name,
        }
        flat = [text for field in fields.items() for text in field]
        with self._connection.pipeline() as pipeline:
            for taken in batch:
                self._begin(
                    keys=[taken.job.key, taken.queue.started_job_registry.key],
                    args=[
                        taken.entry,
                        taken.execution.id,
                        "alone" if taken.suspect else "company",
                        *flat,
                    ],
                    client=pipeline,
                )
            for taken in batch:
                taken.job.started_at = at
                taken.execution.save(EXECUTION_TTL_S, pipeline)
                executions = ExecutionRegistry(taken.job.id, self._connection)
                executions.add(taken.execution, EXECUTION_TTL_S, pipeline)
            ours = pipeline.execute()[: len(batch)]
        return [taken for taken, is_ours in zip(batch, ours, strict=True) if is_ours]

    def give_back(self, batch: Sequence[Taken], after_s: float = 0.0) -> None:
        """Give back jobs that were not begun: to the front of their queue, or after a while to its end."""
        with self._connection.pipeline(transaction=False) as pipeline:
            for taken in batch:
                self._give_back(
                    keys=[
                        taken.job.key,
                        taken.queue.started_job_registry.key,
                        taken.queue.key,
                        BELL,
                    ],
                    args=[taken.entry, taken.job.id, taken.execution.id, after_s],
                    client=pipeline,
                )
            pipeline.execute()

    def _taken(
        self, queue_key: bytes, job_id: bytes, execution: bytes, flat: list[bytes]
    ) -> Taken | None:
        """The job of a row; `None` for one that is no job of ours, which is put aside."""
        queue = self._queues[queue_key.decode()]
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        try:
            job = Job(job_id.decode(), connection=self._connection, serializer=JSONSerializer)
            job.restore(fields)
            _check_times(job)
        except redis.RedisError:
            raise
        except Exception as error:  # noqa: BLE001 - anybody may have written it, in any format
            put_aside(self._connection, queue, job_id, job_id + b":" + execution, error)
            return None
        return Taken(
            job,
            queue,
            Execution(execution.decode(), job.id, self._connection, worker_name=self._worker_name),
            suspect=BEGUN.encode() in fields,
        )


def _check_times(job: Job) -> None:
    """Raises `ValueError` for seconds that could not be kept to; RQ's -1 keeps a job for good."""
    for name, least in (("timeout", 0), ("failure_ttl", -1), ("result_ttl", -1)):
        seconds = getattr(job, name)
        if seconds is not None and not least <= seconds <= MOST_S:
            raise ValueError(f"expected {name} in {least}..{MOST_S} seconds, got {seconds}")
