"""The batching RQ worker: takes up to k jobs in one step, holds them by short leases, finishes together.

Stock RQ loses jobs when a worker on two queues is killed, runs one job at a time, and notices a dead
worker after minutes. This worker keeps RQ's registries, `rq info` and `rq requeue`, and changes: pop
and lease are one Lua call (`take`); threads renew leases and watch for a hung batch (`leases`); what a
dead worker held comes back in one step (`sweep`); signals only set a flag; a failing batch is bisected
(`batch`) and the next one fetched and decoded meanwhile, where nobody waits for the slowest
(`intake`); outcomes are offered again and again to a Redis that is away, and only by the try that
holds the job (`finish`); the job's function name is never imported.
D-99 has the measurements.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import redis
import structlog
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from backend.errors import InternalError, TookTooLong
from backend.inference.batch import BatchRunner, DeviceLost, Handler, Prepared
from backend.inference.batch_size import BatchSizer
from backend.queue.away import Outage, is_away
from backend.queue.client import foreign_keys, is_foreign
from backend.queue.clock import RedisClock
from backend.queue.connection import foreign_value
from backend.queue.drain import Drains, Rest
from backend.queue.finish import Finisher, persist
from backend.queue.intake import Intake
from backend.queue.keys import BELL, QUEUES
from backend.queue.lane import timeout_s
from backend.queue.leases import Leases, end_process
from backend.queue.outcomes import Outcomes
from backend.queue.patient import PatientWorker, whatever_others_put_there
from backend.queue.sweep import Sweeper
from backend.queue.take import Taken, Taker
from backend.queue.vitals import Vitals
from backend.queue.worker_limits import WorkerLimits

__all__ = ["BatchWorker"]

log = structlog.get_logger()

#: How long an idle worker blocks before it looks for itself.
BELL_WAIT_S = 1
#: How long it waits for a batch to be ready before it looks after its leases and registries.
MAINTAIN_S = 1.0


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
        runs_in: str = "host",
        name: str | None = None,
    ) -> None:
        """`name`: the one under which it has shown itself already, before its models were there. `runs_in`: see `place`."""
        clock = RedisClock(connection)
        persist(clock)  # rather than give up models that took a minute to load
        super().__init__(
            [Queue(each, connection=connection, serializer=JSONSerializer) for each in QUEUES],
            name=name,
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=3 * limits.lease_s,
            maintenance_interval=max(1, limits.lease_s // 4),
            log_job_description=False,
        )
        self._limits = limits
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
            runs_in=runs_in,
            ttl_s=3 * limits.lease_s,
            clock=clock,
        )
        self._rest = Rest(Drains(connection), self._vitals, lambda: persist(self._show))
        self._outcomes = Outcomes(finisher, self._vitals, self.key, limits.retry_after_s)
        self._intake = Intake(
            self._taker,
            self._leases,
            handler,
            self._sizer,
            self.queues,
            most_pixels=limits.batch_pixels,
            fetch_s=limits.fetch_s,
            may_take=lambda: not self._is_ending(),
        )
        self._batch: list[Taken] = []
        self._last: Taken | None = None
        self._batches_run = 0

    def run(self, *, burst: bool = False, log_level: str = "INFO") -> None:
        """Work until a signal, a recycling bound or (`burst`) an empty queue ends it.

        Raises `InternalError` when anything else does.
        """
        self._leases.start()
        self._intake.start()
        persist(self._rescue)
        try:
            self.work(burst=burst, logging_level=log_level)
        finally:
            try:
                self._vitals.retire(self.connection)
            except redis.RedisError as error:
                log.warning("could not sign off", error=type(error).__name__)
        if not burst and not self._stop_requested:
            raise InternalError("the worker ended unasked; its last error is in the log above")

    def end_soon(self) -> None:
        """End after the batch in hand, to be started anew. From any thread."""
        self._stop_requested = True

    # -- taking -----------------------------------------------------------------------------------

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """The first job of the next batch; the whole batch is in `self._batch`, leased."""
        backoff, outage = 0.2, Outage("taking")
        self.set_state(WorkerStatus.IDLE)
        while not self._stop_requested:
            try:
                self._maintain()
                if self._last is not None and not self._intake.is_empty:
                    self._batch = []
                    return self._last.job, self._last.queue
                if self._rest.is_due:
                    if timeout is None:
                        return None
                    self._rest.begin()
                    continue
                self._rest.end(WorkerStatus.IDLE.value)
                self._batch = self._taker.take(self._sizer.size)
                outage.end()
                if self._batch:
                    self._leases.hold(self._batch)
                    self._last = self._batch[0]
                    return self._batch[0].job, self._batch[0].queue
                if timeout is None:
                    return None
                self.connection.blpop([BELL], BELL_WAIT_S)
                backoff = 0.2
            except redis.RedisError as error:
                if not (is_away(error) or is_foreign(error)):
                    raise
                # A person takes a foreign value away; to end would come to the same, with the models loaded anew.
                named = "; ".join(foreign_value(foreign_keys(error))) if is_foreign(error) else None
                log.error("waiting for redis", error=type(error).__name__, reason=named)
                outage.begin()
                time.sleep(backoff)
                backoff = min(2 * backoff, 5.0)
        return None

    # -- running ----------------------------------------------------------------------------------

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run the batch that `job` is the first of, and all that comes into hand meanwhile."""
        self.set_state(WorkerStatus.BUSY)
        self._intake.add(self._batch)
        while not self._intake.is_empty:
            self._maintain()
            prepared = self._intake.next(MAINTAIN_S)
            if prepared is not None:
                self._run(prepared)
                self._intake.done(prepared)
        if self._limits.end_it_after(self._batches_run):
            self._stop_requested = True

    def _run(self, prepared: Prepared[Taken]) -> None:
        batch = prepared.jobs
        if not batch:
            return
        with self._leases.deadline(timeout_s(batch), batch):
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
        super().register_birth()
        persist(self._show)

    def _rescue(self) -> None:
        with whatever_others_put_there():
            self._sweeper.rescue()

    def _show(self) -> None:
        with whatever_others_put_there(), self.connection.pipeline() as pipeline:
            self._vitals.publish(pipeline)
            pipeline.execute()

    def clean_registries(self) -> None:
        """Bring back what dead workers held, and forget what RQ need keep no longer."""
        self._sweeper.recover()
        super().clean_registries()

    def _maintain(self) -> None:
        """Between batches too: a run of many thousand images is one call of `execute_job`."""
        self._rest.look()
        if self.should_run_maintenance_tasks:
            self.heartbeat()
            self.run_maintenance_tasks()
            self.look_for_suspension()

    def set_state(self, state: str, pipeline: Any = None) -> None:
        """Told on our card as well, whoever sets it: RQ does when it is suspended."""
        self._vitals.is_now(str(state.value if isinstance(state, WorkerStatus) else state))
        super().set_state(state, pipeline)

    def _beat(self, pipeline: Any) -> None:
        self.heartbeat(pipeline=pipeline)
        self._vitals.publish(pipeline)

    def _overdue(self, jobs: Sequence[Taken], seconds: float) -> None:
        """Fail an image that outlasts its time alone. Of several none is known to: each is tried alone."""
        if len(jobs) == 1:
            self._outcomes.fail(jobs[0], TookTooLong(seconds))

    def _is_ending(self) -> bool:
        rests = self.suspended or self._rest.is_due
        return self._stop_requested or rests or self._limits.end_it_after(self._batches_run)
