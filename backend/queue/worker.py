"""The batching RQ worker: takes up to k jobs in one step, holds them by short leases, finishes together.

Stock RQ loses jobs when a worker on two queues is killed, runs one job at a time, and notices a dead
worker after minutes. This worker keeps RQ's registries, `rq info` and `rq requeue`, and changes: pop
and lease are one Lua call (`take`); threads renew leases and watch for a hung batch (`leases`); what a
dead worker held comes back in one step (`sweep`); signals only set a flag; a failing batch is bisected
and the next one prepared meanwhile (`batch`); outcomes are offered again and again to a Redis that is
away, and only by the try that holds the job (`finish`); the job's function name is never imported.
DECISIONS.md has the measurements.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import redis
import structlog
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.suspension import is_suspended
from rq.worker import WorkerStatus

from backend.errors import InternalError, TookTooLong
from backend.queue.away import is_away
from backend.queue.batch import BatchRunner, DeviceLost, Handler, Prepared
from backend.queue.batch_size import BatchSizer
from backend.queue.clock import RedisClock
from backend.queue.finish import Finisher, KeepLimits, persist
from backend.queue.keys import BELL, INTERACTIVE_QUEUE, QUEUES
from backend.queue.leases import Leases, end_process
from backend.queue.outcomes import Outcomes
from backend.queue.patient import PatientWorker
from backend.queue.sweep import Sweeper
from backend.queue.take import Taken, Taker
from backend.queue.vitals import Vitals, memory_mb

__all__ = ["BatchWorker", "WorkerLimits"]

log = structlog.get_logger()

#: How long an idle worker blocks before it looks for itself.
BELL_WAIT_S = 1


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """`lease_s`: silence after which jobs go elsewhere. `batch_max` images at most in one batch, and
    fewer where one would take longer than `batch_latency_s`. Past `recycle_batches` batches or
    `recycle_memory_mb` MiB the worker ends itself after a batch, for its supervisor to start anew.
    `retry_after_s`: how long a job waits before its second and its third try, after a failure that
    may pass.
    """

    batch_max: int
    batch_latency_s: float
    lease_s: int
    keep: KeepLimits
    recycle_batches: int | None = None
    recycle_memory_mb: int | None = None
    retry_after_s: tuple[float, float] = (2.0, 30.0)


class BatchWorker(PatientWorker):
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
        fingerprint: str = "",
    ) -> None:
        clock = RedisClock(connection)
        persist(clock)  # rather than give up models that took a minute to load
        super().__init__(
            [Queue(name, connection=connection, serializer=JSONSerializer) for name in QUEUES],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=3 * limits.lease_s,
            maintenance_interval=max(1, limits.lease_s // 4),
            log_job_description=False,
        )
        self._limits = limits
        self._interactive = [queue for queue in self.queues if queue.name == INTERACTIVE_QUEUE]
        self._taker = Taker(connection, self.queues, self.name, limits.lease_s)
        self._runner: BatchRunner[Taken] = BatchRunner(handler)
        finisher = Finisher(connection, self.name, limits.keep)
        self._sweeper = Sweeper(connection, self.queues, finisher, limits.lease_s)
        self._leases = Leases(connection, limits.lease_s, self._beat, self._overdue)
        self._sizer = BatchSizer(limits.batch_max, limits.batch_latency_s)
        self._vitals = Vitals(
            self.name,
            device=device,
            model=model,
            fingerprint=fingerprint,
            ttl_s=3 * limits.lease_s,
            clock=clock,
        )
        self._outcomes = Outcomes(finisher, self._vitals, self.key, limits.retry_after_s)
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._batch: list[Taken] = []
        self._batches_run = 0
        self._suspended = False

    def run(self, *, burst: bool = False, log_level: str = "INFO") -> None:
        """Work until a signal, a recycling bound or (`burst`) an empty queue ends it.

        Raises `InternalError` when anything else does.
        """
        self._leases.start()
        persist(self._sweeper.rescue)
        try:
            self.work(burst=burst, logging_level=log_level)
        finally:
            try:
                self._vitals.retire(self.connection)
            except redis.RedisError as error:
                log.warning("could not sign off", error=type(error).__name__)
        if not burst and not self._stop_requested:
            raise InternalError("the worker ended unasked; its last error is in the log above")

    # -- taking -----------------------------------------------------------------------------------

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """The first job of the next batch; the whole batch is in `self._batch`, leased."""
        backoff = 0.2
        self._set_status(WorkerStatus.IDLE)
        while not self._stop_requested:
            try:
                self._maintain()
                self._batch = self._taker.take(self._sizer.size)
                if self._batch:
                    self._leases.hold(self._batch)
                    return self._batch[0].job, self._batch[0].queue
                if timeout is None:
                    return None
                self.connection.blpop([BELL], BELL_WAIT_S)
                backoff = 0.2
            except redis.RedisError as error:
                if not is_away(error):
                    raise
                log.error("waiting for redis", error=type(error).__name__)
                time.sleep(backoff)
                backoff = min(2 * backoff, 5.0)
        return None

    # -- running ----------------------------------------------------------------------------------

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run the batch that `job` is the first of, and those that queue up behind it meanwhile."""
        self._set_status(WorkerStatus.BUSY)
        prepared: Prepared[Taken] | None = self._prepare(self._batch)
        while prepared is not None:
            # Nothing is taken beside a suspect, nor a suspect beside anything: should it end the
            # process again, then it alone has used up a try.
            suspect = any(taken.suspect for taken in prepared.jobs)
            self._maintain()
            ahead = None if suspect or self._is_ending() else self._ahead.submit(self._take_ahead)
            self._run(prepared)
            prepared = self._next(ahead)
        if self._should_recycle():
            self._stop_requested = True

    def _prepare(self, batch: Sequence[Taken]) -> Prepared[Taken]:
        """Fetch and decode the images of a batch, but for those cancelled since they were taken."""
        begun = persist(lambda: self._taker.begin(batch))
        ids = {taken.execution.id for taken in begun}
        self._leases.release([taken for taken in batch if taken.execution.id not in ids])
        with self._leases.deadline(_timeout_s(batch), batch):
            return self._runner.prepare(begun, [_payload(taken.job) for taken in begun])

    def _take_ahead(self) -> Prepared[Taken] | None:
        """The next batch, prepared while the models run on this one; `None` when nothing waits."""
        batch = self._taker.take(self._sizer.size, suspects=False)
        if not batch:
            return None
        self._leases.hold(batch)
        try:
            return self._prepare(batch)
        except BaseException:
            self._leases.release(batch)  # so that they come back by their leases
            raise

    def _next(self, ahead: Future[Prepared[Taken] | None] | None) -> Prepared[Taken] | None:
        """The batch prepared ahead; interactive work that came since goes before a bulk one."""
        if ahead is None:
            return None
        try:
            prepared = ahead.result()
        except redis.RedisError as error:
            if not is_away(error):
                raise
            log.error("taking ahead", error=type(error).__name__)
            return None
        if prepared is None or _is_interactive(prepared):
            return prepared
        while not self._is_ending():
            urgent = persist(self._take_urgent)
            if not urgent:
                break
            self._leases.hold(urgent)
            self._run(self._prepare(urgent))
        return prepared

    def _take_urgent(self) -> list[Taken]:
        return self._taker.take(self._sizer.size, self._interactive, suspects=False)

    def _run(self, prepared: Prepared[Taken]) -> None:
        batch = prepared.jobs
        if not batch:
            return
        with self._leases.deadline(_timeout_s(batch), batch):
            try:
                results = self._runner.run(prepared)
            except DeviceLost as lost:
                end_process("its device is lost", error=str(lost), jobs=len(batch))
                raise
        if results.inferred and len(results.failed) == len(prepared.failed):
            self._sizer.measured(results.inferred, results.seconds)
        self._vitals.batch_size = self._sizer.size
        self._outcomes.store(prepared, results)
        self._leases.release(batch)
        self._batches_run += 1

    # -- life -------------------------------------------------------------------------------------

    def register_birth(self) -> None:
        """RQ knows of it, and so does whoever looks at our workers: not only from the first heartbeat on."""
        persist(self._register_anew)
        persist(self._show)

    def _register_anew(self) -> None:
        """RQ refuses a name that is there; a first try whose answer was lost may have put ours there."""
        self.connection.delete(self.key)
        super().register_birth()

    def _show(self) -> None:
        with self.connection.pipeline() as pipeline:
            self._vitals.publish(pipeline)
            pipeline.execute()

    def clean_registries(self) -> None:
        """Bring back what dead workers held, and forget what RQ need keep no longer."""
        self._sweeper.recover()
        super().clean_registries()

    def _maintain(self) -> None:
        """Between batches too: a run of many thousand images is one call of `execute_job`."""
        if self.should_run_maintenance_tasks:
            self.heartbeat()
            self.run_maintenance_tasks()
            self._suspended = self._look_for_suspension()

    def _look_for_suspension(self) -> bool:
        """Whether `rq suspend` was called: then no batch is taken ahead, and `work` waits."""
        try:
            return bool(is_suspended(self.connection))
        except redis.RedisError:
            return self._suspended

    def _set_status(self, status: WorkerStatus) -> None:
        self._vitals.state = str(status.value)
        self.set_state(status)

    def _beat(self, pipeline: Any) -> None:
        self.heartbeat(pipeline=pipeline)
        self._vitals.publish(pipeline)

    def _overdue(self, jobs: Sequence[Taken], seconds: float) -> None:
        """Fail an image that outlasts its time alone. Of several none is known to: each is tried alone."""
        if len(jobs) == 1:
            self._outcomes.fail(jobs[0], TookTooLong(seconds))

    def _is_ending(self) -> bool:
        return self._stop_requested or self._suspended or self._should_recycle()

    def _should_recycle(self) -> bool:
        limits = self._limits
        if limits.recycle_batches is not None and self._batches_run >= limits.recycle_batches:
            return True
        return limits.recycle_memory_mb is not None and memory_mb() > limits.recycle_memory_mb


def _timeout_s(batch: Sequence[Taken]) -> float:
    return max(float(taken.job.timeout or 180) for taken in batch)


def _payload(job: Job) -> object:
    """The job's one argument; `None`, which the handler refuses, for a job that is not ours."""
    try:
        return job.args[0] if len(job.args) == 1 else None
    except Exception:  # noqa: BLE001 - it may be another program's, in any format
        return None


def _is_interactive(prepared: Prepared[Taken]) -> bool:
    return any(taken.queue.name == INTERACTIVE_QUEUE for taken in prepared.jobs)
