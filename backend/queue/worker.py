"""The batching RQ worker: takes up to k jobs in one step, holds them by short leases, finishes together.

Stock RQ loses jobs when a worker on two queues is killed, runs one job at a time, and notices a dead
worker after minutes. This worker keeps RQ's registries, retries, `rq info` and `rq requeue`, and changes:
pop and lease are one Lua call (`take`); a thread renews leases and is the watchdog of a hung batch
(`leases`); signals only set a flag; a failing batch is bisected and the next one prepared meanwhile
(`batch`); outcomes are stored again and again through a Redis outage (`finish`); the job's function
name is never imported. DECISIONS.md has the measurements.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import redis
import structlog
from rq import Queue, SimpleWorker, worker_registration
from rq.executions import ExecutionRegistry
from rq.job import Job, JobStatus
from rq.registry import clean_registries
from rq.serializers import JSONSerializer
from rq.utils import now
from rq.worker import WorkerStatus

from backend.errors import Failure, InferenceFailed
from backend.queue.batch import BatchRunner, Handler, Prepared, Results
from backend.queue.batch_size import BatchSizer
from backend.queue.finish import Finisher, KeepLimits, failure_of, persist
from backend.queue.keys import BELL, INTERACTIVE_QUEUE, QUEUES
from backend.queue.leases import Leases
from backend.queue.take import Taken, Taker
from backend.queue.vitals import Vitals, memory_mb, observe

__all__ = ["BatchWorker", "WorkerLimits"]

log = structlog.get_logger()

#: How long an idle worker blocks before it looks for itself.
BELL_WAIT_S = 1


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """`lease_s`: silence after which jobs go elsewhere. `batch_max` images at most in one batch, and
    fewer where one would take longer than `batch_latency_s`. Past `recycle_batches` batches or
    `recycle_memory_mb` MiB the worker ends itself after a batch, for its supervisor to start anew.
    """

    batch_max: int
    batch_latency_s: float
    lease_s: int
    keep: KeepLimits
    recycle_batches: int | None = None
    recycle_memory_mb: int | None = None


class BatchWorker(SimpleWorker):
    """An RQ worker over the interactive and the bulk queue."""

    log_result_lifespan = False

    def __init__(
        self,
        connection: redis.Redis,
        handler: Handler,
        limits: WorkerLimits,
        *,
        device: str,
        model: str,
    ) -> None:
        super().__init__(
            [Queue(name, connection=connection, serializer=JSONSerializer) for name in QUEUES],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=3 * limits.lease_s,
            maintenance_interval=max(1, limits.lease_s // 4),
            log_job_description=False,
            exception_handlers=[self._on_abandoned],
        )
        self._limits = limits
        self._interactive = [queue for queue in self.queues if queue.name == INTERACTIVE_QUEUE]
        self._taker = Taker(connection, self.queues, self.name, limits.lease_s)
        self._runner: BatchRunner[Taken] = BatchRunner(handler)
        self._finisher = Finisher(connection, self.name, limits.keep)
        self._leases = Leases(connection, limits.lease_s, self._beat)
        self._sizer = BatchSizer(limits.batch_max, limits.batch_latency_s)
        self._vitals = Vitals(self.name, device=device, model=model, ttl_s=3 * limits.lease_s)
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._batch: list[Taken] = []
        self._batches_run = 0

    def run(self, *, burst: bool = False, log_level: str = "INFO") -> None:
        """Work until a signal, a recycling bound or (`burst`) an empty queue ends it."""
        self._leases.start()
        try:
            self.work(burst=burst, logging_level=log_level)
        finally:
            try:
                self._vitals.retire(self.connection)
            except redis.RedisError as error:
                log.warning("could not sign off", error=type(error).__name__)

    # -- taking -----------------------------------------------------------------------------------

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """The first job of the next batch; the whole batch is in `self._batch`, leased."""
        idle_since, backoff = time.monotonic(), 0.2
        while not self._stop_requested:
            try:
                self._set_status(WorkerStatus.IDLE)
                if self.should_run_maintenance_tasks:
                    self.heartbeat()
                    self.run_maintenance_tasks()
                self._batch = self._taker.take(self._sizer.size)
                if self._batch:
                    self._leases.hold(self._batch)
                    return self._batch[0].job, self._batch[0].queue
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

    # -- running ----------------------------------------------------------------------------------

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run the batch that `job` is the first of, and those that queue up behind it meanwhile."""
        self._set_status(WorkerStatus.BUSY)
        prepared: Prepared[Taken] | None = self._prepare(self._batch)
        while prepared is not None:
            suspect = any(taken.suspect for taken in prepared.jobs)
            # Nothing is prepared beside a suspect: should it end the process again, it ends alone.
            ahead = None if suspect or self._is_ending() else self._ahead.submit(self._take_ahead)
            self._run(prepared)
            prepared = self._next(ahead)
        self._leases.expect_within(None)
        if self._should_recycle():
            self._stop_requested = True

    def _prepare(self, batch: Sequence[Taken]) -> Prepared[Taken]:
        """Mark a batch as started, fetch and decode its images.

        Marked before, since an image may end the process while it is decoded.
        """
        self._leases.expect_within(_timeout_s(batch))
        persist(lambda: self._mark_started(batch))
        return self._runner.prepare(batch, [_payload(taken.job) for taken in batch])

    def _take_ahead(self) -> Prepared[Taken] | None:
        """The next batch, prepared while the models run on this one; `None` when nothing waits."""
        batch = self._taker.take(self._sizer.size)
        if not batch:
            return None
        self._leases.hold(batch)
        persist(lambda: self._mark_started(batch))
        return self._runner.prepare(batch, [_payload(taken.job) for taken in batch])

    def _next(self, ahead: Future[Prepared[Taken] | None] | None) -> Prepared[Taken] | None:
        """The batch prepared ahead; interactive work that came since goes before a bulk one."""
        if ahead is None:
            return None
        try:
            prepared = ahead.result()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            log.error("taking ahead", error=type(error).__name__)
            return None  # a batch whose take was answered too late comes back by its lease
        if prepared is None or prepared.jobs[0].queue.name == INTERACTIVE_QUEUE:
            return prepared
        while not self._is_ending():
            urgent = persist(lambda: self._taker.take(self._sizer.size, self._interactive))
            if not urgent:
                break
            self._leases.hold(urgent)
            self._run(self._prepare(urgent))
        return prepared

    def _run(self, prepared: Prepared[Taken]) -> None:
        batch = prepared.jobs
        self._leases.expect_within(_timeout_s(batch))
        results = self._runner.run(prepared)
        if results.inferred:
            self._sizer.measured(results.inferred, results.seconds)
        persist(lambda: self._finish(prepared, results))
        for taken, error in results.failed:
            self._fail(taken, error)
        self._leases.release(batch)
        self._batches_run += 1
        log.info(
            "batch",
            queue=batch[0].queue.name,
            jobs=len(batch),
            inferred=results.inferred,
            failed=len(results.failed),
            fetch_s=round(prepared.seconds, 3),
            inference_s=round(results.seconds, 3),
        )

    def _mark_started(self, batch: Sequence[Taken]) -> None:
        lease_s = self._limits.lease_s
        with self.connection.pipeline() as pipeline:
            for taken in batch:
                taken.execution.save(lease_s + 60, pipeline)
                ExecutionRegistry(taken.job.id, pipeline).add(taken.execution, lease_s, pipeline)
                pipeline.persist(taken.job.key)
                taken.job.prepare_for_execution(self.name, pipeline)
            pipeline.execute()

    # -- finishing --------------------------------------------------------------------------------

    def _finish(self, prepared: Prepared[Taken], results: Results[Taken]) -> None:
        self._vitals.count_images(len(results.done))
        self._vitals.batch_size = self._sizer.size

        def also(pipeline: Any) -> None:
            pipeline.hincrby(self.key, "successful_job_count", len(results.done))
            self._observe(prepared, results, pipeline)
            self._vitals.publish(pipeline)

        self._finisher.finish(results.done, also)

    @staticmethod
    def _observe(prepared: Prepared[Taken], results: Results[Taken], pipeline: Any) -> None:
        at = now()
        jobs = [taken.job for taken in prepared.jobs]
        queued = [j.started_at - j.enqueued_at for j in jobs if j.started_at and j.enqueued_at]
        totals = [at - taken.job.enqueued_at for taken, _ in results.done if taken.job.enqueued_at]
        observe("queue", [wait.total_seconds() for wait in queued], pipeline)
        observe("fetch", [prepared.seconds], pipeline)
        observe("inference", [results.seconds] if results.inferred else [], pipeline)
        observe("total", [total.total_seconds() for total in totals], pipeline)

    def _fail(self, taken: Taken, error: Exception) -> None:
        """Retry a transient failure while tries are left; else store the reason and wake the waiters."""
        failure, job = failure_of(error), taken.job
        final = not failure.transient or not job.should_retry
        log.warning(
            "job failed", job=job.id, kind=failure.kind, reason=failure.message, final=final
        )
        if final:
            persist(lambda: self._finisher.fail(job, failure))
            job.retries_left = 0
        job.ended_at, job._status, self.execution = now(), JobStatus.FAILED, taken.execution
        trace = "".join(traceback.format_exception(error))
        persist(lambda: self.handle_job_failure(job, taken.queue, exc_string=trace))
        self.execution = None

    def _on_abandoned(self, job: Job, *_error: object) -> bool:
        """RQ calls this for a job whose lease ran out; after the last try its waiters are told."""
        if not job.should_retry:
            lost = InferenceFailed("its worker ended while working on it, each time it was tried")
            self._finisher.fail(job, Failure.of(lost))
        return True

    # -- life -------------------------------------------------------------------------------------

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

    def _set_status(self, status: WorkerStatus) -> None:
        self.set_state(status)
        self._vitals.state = str(status.value)

    def _beat(self, pipeline: Any) -> None:
        self.heartbeat(pipeline=pipeline)
        self._vitals.publish(pipeline)

    def _is_ending(self) -> bool:
        return self._stop_requested or self._should_recycle()

    def _should_recycle(self) -> bool:
        limits = self._limits
        if limits.recycle_batches is not None and self._batches_run >= limits.recycle_batches:
            return True
        return limits.recycle_memory_mb is not None and memory_mb() > limits.recycle_memory_mb

    def _shutdown(self) -> None:
        """Never raise out of a signal handler, where RQ could lose jobs: the loop looks at the flag."""
        self._stop_requested = True


def _timeout_s(batch: Sequence[Taken]) -> float:
    return max(float(taken.job.timeout or 180) for taken in batch)


def _payload(job: Job) -> object:
    """The job's one argument; anything else decodes to an error in the handler."""
    return job.args[0] if len(job.args) == 1 else None
