"""Jobs that somebody waits for: submitted, heard of when done, submitted again when they vanish.

A request opens one for a moment and a handful of jobs; a bulk run keeps one open for hours and keeps
adding, so what it holds is bounded by what is under way.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

import redis
import structlog
from rq.job import Job, JobStatus

from backend.errors import Failure, InferenceFailed, QueueUnavailable
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer, Outcome
from backend.queue.client import foreign_keys, is_foreign
from backend.queue.connection import foreign_value, queue_errors
from backend.queue.histograms import count_submissions
from backend.queue.keys import result_key
from backend.queue.payload import read_outcome
from backend.queue.results import ResultListener
from backend.queue.submit import LOST, Standing, Submission, Submitter

__all__ = ["Window"]

log = structlog.get_logger()

#: How often it looks for itself, in case a wake-up or a job was lost.
RECHECK_S = 5.0
#: After a full queue or a lost Redis, the next try to submit is this much later.
RESUBMIT_S = 0.5
#: Whoever else waits for the same answer has it by then. Model outputs stay in their own, bounded cache.
CONSUMED_TTL_S = 60

#: How a job may have ended without an outcome, by the doing of RQ's own tools.
_ENDED = {
    JobStatus.FAILED.encode(): LOST,
    JobStatus.CANCELED.encode(): "its job was cancelled",
    JobStatus.STOPPED.encode(): "its job was stopped",
}


class Window:
    """A context manager; for one thread."""

    def __init__(
        self,
        connection: redis.Redis,
        submitter: Submitter,
        listener: ResultListener,
        *,
        interactive: bool,
        consumes: bool = False,
        recheck_s: float = RECHECK_S,
    ) -> None:
        """With `consumes`, answers given are kept for `CONSUMED_TTL_S` more alone."""
        self._connection = connection
        self._submitter = submitter
        self._listener = listener
        self._interactive = interactive
        self._consumes = consumes
        self._waiting = listener.waiting()
        self._requests: dict[str, ModelRequest] = {}
        self._unsubmitted: set[str] = set()
        self._settled: dict[str, Outcome] = {}
        self._recheck_s = recheck_s
        self._look_at = time.monotonic() + recheck_s
        self._submit_at = 0.0

    def __enter__(self) -> Window:
        self._waiting.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._waiting.__exit__(*raised)

    @property
    def pending(self) -> set[str]:
        """The ids that were added and have no outcome yet."""
        return set(self._requests)

    @property
    def is_released(self) -> bool:
        """Whether its process is to end, so that `collect` waits no more."""
        return self._waiting.is_released

    def add(self, requests: Mapping[str, ModelRequest]) -> None:
        """Wait for these too (job id -> request); `submit` or the next `collect` submits them."""
        new = {job_id: one for job_id, one in requests.items() if job_id not in self._requests}
        self._waiting.watch(new)
        self._requests.update(new)
        if not self._unsubmitted:  # else the queue is full, and asked again no sooner for a new one
            self._submit_at = 0.0
        self._unsubmitted.update(new)

    def drop(self, job_ids: Iterable[str]) -> None:
        """Wait for these no more; what is queued goes on."""
        for job_id in job_ids:
            self._forget(job_id)

    def submit(self) -> dict[str, Standing]:
        """Submit what is not yet; how each stood. Raises `QueueUnavailable`.

        What a full queue refused (`BUSY`) stays to be submitted by a later `collect`.
        """
        submissions = [Submission(job_id, self._requests[job_id]) for job_id in self._unsubmitted]
        if not submissions:
            return {}
        with queue_errors():
            submitted = self._submitter.submit(
                submissions,
                interactive=self._interactive,
                reply_channel=self._listener.channel,
            )
            standings = {one.job_id: one.standing for one in submitted}
            counts: dict[Standing, int] = {}
            for one in submitted:
                counts[one.standing] = counts.get(one.standing, 0) + 1
                if one.standing is not Standing.BUSY:
                    self._unsubmitted.discard(one.job_id)
                if one.outcome is not None:
                    self._settle(one.job_id, one.outcome)
            self._count(counts)
        return standings

    def collect(self, wait_s: float) -> dict[str, Outcome]:
        """The outcomes that are new, as soon as there are any; empty when none came in `wait_s`, or once released.

        A Redis that is away is waited for: the work is queued, and what is not is submitted then.
        """
        deadline = time.monotonic() + wait_s
        while True:
            try:
                with queue_errors():
                    self._go_on(deadline)
            except QueueUnavailable as error:
                log.warning("waiting for redis", error=type(error).__name__, reason=str(error))
                time.sleep(max(0.0, min(RESUBMIT_S, deadline - time.monotonic())))
            if self._settled or self.is_released or time.monotonic() >= deadline:
                settled, self._settled = self._settled, {}
                if self._consumes:
                    self._expire(settled)
                return settled

    def _go_on(self, deadline: float) -> None:
        """Submit what is due, and settle what is done by the deadline or the next look."""
        self._submit_due()
        now = time.monotonic()
        left = 0.0 if self._settled else max(0.0, min(deadline, self._look_at) - now)
        if self._unsubmitted:
            left = min(left, max(0.0, self._submit_at - now))
        self._fetch(self._waiting.wait(left) & self._requests.keys())
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + self._recheck_s
            self._look()

    def _count(self, counts: Mapping[Standing, int]) -> None:
        """What is submitted is submitted, whether it can be counted or not."""
        try:
            count_submissions(counts.items(), self._connection)
        except redis.ResponseError as error:
            if not is_foreign(error):
                raise
            log.error("figures not counted", reason="; ".join(foreign_value(foreign_keys(error))))

    def _submit_due(self) -> None:
        if self._unsubmitted and time.monotonic() >= self._submit_at:
            self._submit_at = time.monotonic() + RESUBMIT_S
            self.submit()

    def _fetch(self, job_ids: Iterable[str]) -> None:
        ids = list(job_ids)
        if not ids:
            return
        stored = self._connection.mget([result_key(job_id) for job_id in ids])
        for job_id, text in zip(ids, stored, strict=True):
            if text is not None:
                self._settle(job_id, read_outcome(text))

    def _look(self) -> None:
        """See what became of each pending job, told or not; those that vanished are submitted again."""
        ids = [job_id for job_id in self._requests if job_id not in self._unsubmitted]
        with self._connection.pipeline(transaction=False) as pipeline:
            for job_id in ids:
                pipeline.hget(Job.key_for(job_id), "status")
                pipeline.get(result_key(job_id))
            replies = pipeline.execute()
        for job_id, status, text in zip(ids, replies[::2], replies[1::2], strict=True):
            if text is not None:
                self._settle(job_id, read_outcome(text))
            elif status in _ENDED:
                self._settle(job_id, Failure.of(InferenceFailed(_ENDED[status])))
            elif status not in (JobStatus.QUEUED.encode(), JobStatus.STARTED.encode()):
                self._unsubmitted.add(job_id)

    def _expire(self, settled: Mapping[str, Outcome]) -> None:
        """Let answers go soon: those of a million images would fill Redis before the usual time is over."""
        with (
            suppress(redis.RedisError),
            self._connection.pipeline(transaction=False) as pipeline,
        ):
            for job_id, outcome in settled.items():
                if isinstance(
                    outcome, Answer
                ):  # failures are kept, so that they are not tried again
                    pipeline.expire(result_key(job_id), CONSUMED_TTL_S)
            pipeline.execute()

    def _settle(self, job_id: str, outcome: Outcome) -> None:
        self._settled[job_id] = outcome
        self._forget(job_id)

    def _forget(self, job_id: str) -> None:
        del self._requests[job_id]
        self._unsubmitted.discard(job_id)
        self._waiting.unwatch([job_id])
