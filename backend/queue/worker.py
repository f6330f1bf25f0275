"""The batching RQ worker: takes up to k jobs in one step, holds them by short leases, finishes together.

Stock RQ loses jobs when a worker on two queues is killed, runs one job at a time, and notices a dead
worker after minutes. This worker keeps RQ's registries, retries, `rq info` and `rq requeue`, and changes:
pop and lease are one Lua call; a thread renews leases and is the watchdog of a hung batch; signals only
set a flag; a failing batch is bisected; outcomes are stored again and again through a Redis outage; the
job's function name is never imported. See DECISIONS.md.
"""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import redis
import structlog
from rq import Queue, SimpleWorker, worker_registration
from rq.executions import Execution, ExecutionRegistry
from rq.job import Job, JobStatus
from rq.registry import clean_registries
from rq.serializers import JSONSerializer
from rq.utils import current_timestamp, now
from rq.worker import WorkerStatus

from backend.errors import Failure, FirstpassError, InferenceFailed
from backend.queue.keys import BELL, QUEUES, result_key, script, waiters_key
from backend.queue.payload import Outcome, encode_outcome

__all__ = ["BatchWorker", "Handler", "WorkerLimits"]

log = structlog.get_logger()
T = TypeVar("T")

#: Exit code of a worker whose batch outlived its time: the supervisor starts another.
EXIT_HUNG = 70
#: How long an idle worker blocks before it looks for itself.
BELL_WAIT_S = 1
PREPARE_THREADS = 16


class Handler(Protocol):
    """The work itself; a test may put a model of known cost here."""

    def prepare(self, payload: object) -> Any:
        """What `infer` needs for one job; runs in a thread."""

    def infer(self, batch: Sequence[Any]) -> Sequence[Outcome]:
        """One outcome per prepared job, in order."""


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """`lease_s`: silence after which jobs go elsewhere; `batch_max`: images in one batch.

    Outcomes are kept `result_ttl_s`, failures `failure_ttl_s`: a mended image is not held against.
    """

    batch_max: int
    lease_s: int
    result_ttl_s: int
    failure_ttl_s: int = 60
    persist_for_s: float = 120


@dataclass(slots=True)
class Taken:
    """A leased job, the queue it came from, and RQ's record of this try."""

    job: Job
    queue: Queue
    execution: Execution


class BatchWorker(SimpleWorker):
    """An RQ worker over the interactive and the bulk queue."""

    log_result_lifespan = False

    def __init__(self, connection: redis.Redis, handler: Handler, limits: WorkerLimits) -> None:
        super().__init__(
            [Queue(name, connection=connection, serializer=JSONSerializer) for name in QUEUES],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=3 * limits.lease_s,
            maintenance_interval=max(1, limits.lease_s // 4),
            log_job_description=False,
            exception_handlers=[self._on_abandoned],
        )
        self._handler, self._limits = handler, limits
        self._take_script = connection.register_script(script("take"))
        self._announce_script = connection.register_script(script("announce"))
        self._pool = ThreadPoolExecutor(PREPARE_THREADS, thread_name_prefix="prepare")
        self._lock = threading.Lock()
        self._batch: list[Taken] = []
        self._deadline: float | None = None
        self._by_key = {queue.key: queue for queue in self.queues}

    # -- taking -----------------------------------------------------------------------------------

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """The first job of the next batch; the whole batch is in `self._batch`, leased."""
        idle_since, backoff = time.monotonic(), 0.2
        while not self._stop_requested:
            try:
                self.set_state(WorkerStatus.IDLE)
                if self.should_run_maintenance_tasks:
                    self.heartbeat()
                    self.run_maintenance_tasks()
                batch = self._take(self._limits.batch_max)
                if batch:
                    with self._lock:
                        self._batch = batch
                    return batch[0].job, batch[0].queue
                idle_for = time.monotonic() - idle_since
                if timeout is None or (max_idle_time and idle_for > max_idle_time):
                    return None
                self.connection.blpop([BELL], BELL_WAIT_S)
                backoff = 0.2
            except (redis.ConnectionError, redis.TimeoutError) as error:
                log.error("redis unreachable", error=type(error).__name__)
                time.sleep(backoff)
                backoff = min(2 * backoff, 5.0)
        return None

    def _take(self, most: int) -> list[Taken]:
        keys = [key for q in self.queues for key in (q.key, q.started_job_registry.key)]
        rows = self._take_script(
            keys=keys,
            args=[
                current_timestamp() + self._limits.lease_s,
                most,
                Job.redis_job_namespace_prefix,
                *(uuid4().hex for _ in range(most)),
            ],
        )
        return [self._taken(*row) for row in rows]

    def _taken(self, queue_key: bytes, job_id: bytes, execution: bytes, flat: list[bytes]) -> Taken:
        queue = self._by_key[queue_key.decode()]
        job = self.job_class(
            job_id.decode(), connection=self.connection, serializer=self.serializer
        )
        job.restore(dict(zip(flat[::2], flat[1::2], strict=True)))
        job.origin = queue.name  # it may have been promoted to another queue
        return Taken(
            job,
            queue,
            Execution(execution.decode(), job.id, self.connection, worker_name=self.name),
        )

    # -- running ----------------------------------------------------------------------------------

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run the whole batch that `job` is the first of."""
        batch, started = self._batch, time.monotonic()
        timeout_s = max(int(taken.job.timeout or 180) for taken in batch)
        with self._lock:
            self._deadline = started + timeout_s
        self._persist(lambda: self._mark_started(batch))
        done, failed = self._run(batch)
        self._persist(lambda: self._finish(done))
        for taken, error in failed:
            self._fail(taken, error)
        with self._lock:
            self._batch, self._deadline = [], None
        log.info(
            "batch",
            queue=queue.name,
            jobs=len(batch),
            failed=len(failed),
            seconds=round(time.monotonic() - started, 3),
        )

    def _mark_started(self, batch: Sequence[Taken]) -> None:
        lease_s = self._limits.lease_s
        with self.connection.pipeline() as pipeline:
            self.set_state(WorkerStatus.BUSY, pipeline=pipeline)
            for taken in batch:
                taken.execution.save(lease_s + 60, pipeline)
                ExecutionRegistry(taken.job.id, pipeline).add(taken.execution, lease_s, pipeline)
                pipeline.persist(taken.job.key)
                taken.job.prepare_for_execution(self.name, pipeline)
            pipeline.execute()

    def _run(
        self, batch: Sequence[Taken]
    ) -> tuple[list[tuple[Taken, Outcome]], list[tuple[Taken, Exception]]]:
        """Outcomes and errors of a batch: each job is in exactly one of the two lists."""
        done: list[tuple[Taken, Outcome]] = []
        failed: list[tuple[Taken, Exception]] = []
        prepared: list[tuple[Taken, Any]] = []
        futures = [self._pool.submit(self._prepare, taken) for taken in batch]
        for taken, future in zip(batch, futures, strict=True):
            error = future.exception()
            if isinstance(error, Exception):
                failed.append((taken, error))
            else:
                prepared.append((taken, future.result()))
        self._infer(prepared, done, failed)
        return done, failed

    def _prepare(self, taken: Taken) -> Any:
        (payload,) = taken.job.args
        return self._handler.prepare(payload)

    def _infer(
        self,
        prepared: Sequence[tuple[Taken, Any]],
        done: list[tuple[Taken, Outcome]],
        failed: list[tuple[Taken, Exception]],
    ) -> None:
        """Bisects a batch that fails, so that a bad image costs a few calls and fails alone."""
        if not prepared:
            return
        try:
            outcomes = self._handler.infer([item for _, item in prepared])
        except Exception as error:  # noqa: BLE001 - the job boundary
            if len(prepared) == 1:
                failed.append((prepared[0][0], error))
                return
            half = len(prepared) // 2
            self._infer(prepared[:half], done, failed)
            self._infer(prepared[half:], done, failed)
            return
        done.extend((taken, out) for (taken, _), out in zip(prepared, outcomes, strict=True))

    # -- finishing --------------------------------------------------------------------------------

    def _finish(self, done: Sequence[tuple[Taken, Outcome]]) -> None:
        """Store all outcomes, wake all waiters and close RQ's records, in one transaction."""
        if not done:
            return
        with self.connection.pipeline() as pipeline:
            for taken, outcome in done:
                self._finish_one(taken, outcome, pipeline)
            pipeline.hincrby(self.key, "successful_job_count", len(done))
            pipeline.execute()

    def _finish_one(self, taken: Taken, outcome: Outcome, pipeline: Any) -> None:
        job = taken.job
        job.ended_at, job._result, job._status = now(), None, JobStatus.FINISHED
        ttl = job.get_result_ttl(self.default_result_ttl)
        job._handle_success(
            ttl,
            pipeline,
            worker_name=self.name,
            execution_id=taken.execution.id,
            execution_started_at=job.started_at,
            execution_ended_at=job.ended_at,
        )
        job.cleanup(ttl, pipeline=pipeline, remove_from_queue=False)
        taken.execution.delete(job=job, pipeline=pipeline)
        self._store(job.id, outcome, self._limits.result_ttl_s, pipeline)

    def _fail(self, taken: Taken, error: Exception) -> None:
        """Retry a transient failure while tries are left; else store the reason and wake the waiters."""
        failure = _failure(error)
        job = taken.job
        log.warning("job failed", job=job.id, kind=failure.kind, message=failure.message)
        if not failure.transient:
            job.retries_left = 0
        if not job.should_retry:
            self._persist(lambda: self._store_failure(job.id, failure))
        job.ended_at, job._status, self.execution = now(), JobStatus.FAILED, taken.execution
        trace = "".join(traceback.format_exception(error))
        self._persist(lambda: self.handle_job_failure(job, taken.queue, exc_string=trace))
        self.execution = None

    def _store_failure(self, job_id: str, failure: Failure) -> None:
        with self.connection.pipeline() as pipeline:
            self._store(job_id, failure, self._limits.failure_ttl_s, pipeline)
            pipeline.execute()

    def _store(self, job_id: str, outcome: Outcome, ttl_s: int, pipeline: Any) -> None:
        pipeline.set(result_key(job_id), encode_outcome(outcome), ex=ttl_s)
        self._announce_script(keys=[waiters_key(job_id)], args=[job_id], client=pipeline)

    def _persist(self, store: Callable[[], T]) -> T:
        """Outcomes are computed already: keep trying to store them while Redis restarts."""
        since, wait = time.monotonic(), 0.1
        while True:
            try:
                return store()
            except (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError) as error:
                if time.monotonic() - since > self._limits.persist_for_s:
                    raise
                log.error("storing outcomes", error=type(error).__name__)
                time.sleep(wait)
                wait = min(2 * wait, 2.0)

    # -- leases, watchdog, maintenance ------------------------------------------------------------

    def start_heartbeats(self) -> None:
        """Start the thread that renews the leases, and ends the process when a batch hangs."""
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def _beat(self) -> None:
        while True:
            time.sleep(self._limits.lease_s / 3)
            with self._lock:
                batch, deadline = list(self._batch), self._deadline
            if deadline is not None and time.monotonic() > deadline:
                log.critical("batch exceeded its time, ending the worker", jobs=len(batch))
                os._exit(EXIT_HUNG)
            try:
                self._renew(batch)
            except redis.RedisError as error:
                log.error("heartbeat", error=type(error).__name__)

    def _renew(self, batch: Sequence[Taken]) -> None:
        with self.connection.pipeline() as pipeline:
            self.heartbeat(pipeline=pipeline)
            for taken in batch:
                registry = taken.queue.started_job_registry
                taken.execution.heartbeat(registry, self._limits.lease_s, pipeline)
            pipeline.execute()

    def clean_registries(self) -> None:
        """RQ's own, but its lock lives one lease, not 899 s: a worker killed inside must not block us."""
        for queue in self.queues:
            key = queue.registry_cleaning_key
            if not self.connection.set(key, self.name, nx=True, ex=self._limits.lease_s):
                continue
            try:
                clean_registries(queue, self._exc_handlers)
                worker_registration.clean_worker_registry(queue)
            finally:
                queue.release_maintenance_lock()
        self.last_cleaned_at = now()  # type: ignore[assignment] # RQ declares None alone

    def _on_abandoned(self, job: Job, *_error: object) -> bool:
        """RQ calls this for a job whose lease ran out; the last time, its waiters are told."""
        if not job.should_retry:
            lost = InferenceFailed("its worker ended while working on it, each time it was tried")
            self._store_failure(job.id, Failure.of(lost))
        return True

    def _shutdown(self) -> None:
        """Never raise out of a signal handler, where RQ could lose jobs: the loop looks at the flag."""
        self._stop_requested = True


def _failure(error: Exception) -> Failure:
    if isinstance(error, FirstpassError):
        return Failure.of(error)
    return Failure.of(InferenceFailed(f"the model raised {type(error).__name__}: {error}"))
