"""Bringing back jobs whose worker is gone: leases that ran out, and jobs that nobody remembers.

This takes the place of RQ's clean-up of started jobs, which is no single step: two at once put a job
back twice, it brings deleted jobs back, and it takes a try from jobs that did no harm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, cast

import redis
import structlog
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.executions import Execution, ExecutionRegistry
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from backend.errors import Failure, InferenceFailed
from backend.queue.aside import put_aside
from backend.queue.finish import Finisher
from backend.queue.keys import BELL, script
from backend.queue.submit import LOST
from backend.queue.take import Taken

__all__ = ["Sweeper"]

log = structlog.get_logger()

#: Leases looked at in one step, so that Redis is not held up.
AT_ONCE = 500


class Sweeper:
    """Sweeps the given queues; any number of workers may do so at the same time."""

    def __init__(
        self,
        connection: redis.Redis,
        queues: Sequence[Queue],
        finisher: Finisher,
        lease_s: float,
    ) -> None:
        self._connection = connection
        self._queues = {queue.name: queue for queue in queues}
        self._finisher = finisher
        self._lease_s = lease_s
        self._recover = connection.register_script(script("recover"))
        self._rescue = connection.register_script(script("rescue"))

    def recover(self) -> None:
        """Put jobs whose lease ran out back into their queues; fail those without a try left.

        Not just after Redis started: first the workers that live renew what they hold.
        """
        if self._connection.info("server")["uptime_in_seconds"] < self._lease_s:
            return
        for queue in self._queues.values():
            for job_id, execution_id in self._recovered(queue):
                try:
                    self._fail(job_id.decode(), execution_id.decode(), queue)
                except redis.RedisError:
                    raise
                except Exception as error:  # noqa: BLE001 - anybody may have written it
                    entry = job_id + b":" + execution_id
                    put_aside(self._connection, queue, job_id, entry, error)

    def rescue(self) -> int:
        """Put back jobs that say they wait or run, and are in no queue and nobody's; how many.

        Nothing here makes such a job. Stock RQ workers do, and people who delete a queue's list; until
        somebody looks, those who ask for the same image join work that never ends.
        """
        known = self._known()
        rescued = 0
        for key, status, origin in self._under_way():
            job_id = key.removeprefix(Job.redis_job_namespace_prefix.encode())
            if origin not in self._queues or (status, job_id) in known:
                continue
            queue = self._queues[origin]
            rescued += int(
                self._rescue(
                    keys=[
                        key,
                        queue.key,
                        queue.started_job_registry.key,
                        BELL,
                        *(each.key for each in self._queues.values()),
                    ],
                    args=[job_id],
                )
            )
        if rescued:
            log.warning("jobs that were in no queue are back", jobs=rescued)
        return rescued

    def _recovered(self, queue: Queue) -> list[tuple[bytes, bytes]]:
        reply = self._recover(
            keys=[queue.started_job_registry.key, queue.key, BELL],
            args=[
                Job.redis_job_namespace_prefix,
                Execution("", "", self._connection).key.removesuffix(":"),
                ExecutionRegistry.key_template.format(""),
                self._lease_s,
                AT_ONCE,
            ],
        )
        return [(job_id, execution_id) for job_id, execution_id in reply]

    def _fail(self, job_id: str, execution_id: str, queue: Queue) -> None:
        try:
            job = Job.fetch(job_id, connection=self._connection, serializer=JSONSerializer)
        except NoSuchJobError:
            return  # deleted since; its lease runs out once more, and is dropped
        job.origin = queue.name
        taken = Taken(job, queue, Execution(execution_id, job_id, self._connection), suspect=True)
        if self._finisher.fail(taken, Failure.of(InferenceFailed(LOST)), LOST):
            log.warning("job failed", job=job_id, reason=LOST, final=True)

    def _known(self) -> set[tuple[str, bytes]]:
        """(Status, job id) of the jobs that are where they ought to be."""
        known = set()
        for queue in self._queues.values():
            for job_id in cast("list[bytes]", self._connection.lrange(queue.key, 0, -1)):
                known.add((JobStatus.QUEUED.value, job_id))
            entries = cast(
                "list[bytes]", self._connection.zrange(queue.started_job_registry.key, 0, -1)
            )
            for entry in entries:
                known.add((JobStatus.STARTED.value, entry.rpartition(b":")[0]))
        return known

    def _under_way(self) -> Iterator[tuple[bytes, str, str]]:
        """(Key, status, queue name) of every job that waits or runs, of any program."""
        wanted = (JobStatus.QUEUED.value, JobStatus.STARTED.value)
        keys = self._connection.scan_iter(f"{Job.redis_job_namespace_prefix}*", AT_ONCE, "HASH")
        while part := [cast("bytes", key) for key in islice(keys, AT_ONCE)]:
            with self._connection.pipeline(transaction=False) as pipeline:
                for key in part:
                    pipeline.hmget(key, "status", "origin")
                replies: list[Any] = pipeline.execute()
            for key, (status, origin) in zip(part, replies, strict=True):
                if status and origin and status.decode("ascii", "replace") in wanted:
                    yield key, status.decode(), origin.decode("utf-8", "replace")
