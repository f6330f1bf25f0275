"""What a worker does with the outcomes of a batch: store them, count them, try again what may pass."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog

from backend.inference.batch import Prepared, Results, failure_of
from backend.queue.finish import Finisher, persist
from backend.queue.histograms import observe
from backend.queue.submit import MAX_TRIES
from backend.queue.take import Taken
from backend.queue.vitals import Vitals

__all__ = ["Outcomes"]

log = structlog.get_logger()


class Outcomes:
    """Stores outcomes for one worker, whose RQ hash is `worker_key`, and waits for a Redis that is away.

    `retry_after_s`: how long a job waits before its second try, its third, ...
    """

    def __init__(
        self, finisher: Finisher, vitals: Vitals, worker_key: str, retry_after_s: Sequence[float]
    ) -> None:
        self._finisher = finisher
        self._vitals = vitals
        self._worker_key = worker_key
        self._retry_after_s = retry_after_s

    def store(self, prepared: Prepared[Taken], results: Results[Taken]) -> None:
        """Store what became of each job of a batch. Raises when Redis stays away."""

        def also(pipeline: Any) -> None:
            pipeline.hincrby(self._worker_key, "successful_job_count", len(results.done))
            pipeline.hincrby(self._worker_key, "failed_job_count", len(results.failed))
            _observe(prepared, results, self._finisher.clock.utc(), pipeline)
            self._vitals.publish(pipeline)

        self._vitals.count_images(len(results.done))
        persist(lambda: self._finisher.finish(results.done, also))
        for taken, error in results.failed:
            self.fail(taken, error)
        log.info(
            "batch",
            queue=prepared.jobs[0].queue.name,
            jobs=len(prepared.jobs),
            inferred=results.inferred,
            failed=len(results.failed),
            fetch_s=round(prepared.seconds, 3),
            inference_s=round(results.seconds, 3),
        )

    def fail(self, taken: Taken, error: Exception) -> None:
        """Try again later what may pass, while tries are left; else store the reason for good."""
        failure, left = failure_of(error), taken.job.retries_left or 0
        final = not failure.transient or left == 0
        log.warning(
            "job failed", job=taken.job.id, kind=failure.kind, reason=failure.message, final=final
        )
        if final:
            trace = "".join(traceback.format_exception(error))
            persist(lambda: self._finisher.fail(taken, failure, trace))
        else:
            tried = max(0, MAX_TRIES - 1 - left)
            after_s = self._retry_after_s[min(tried, len(self._retry_after_s) - 1)]
            persist(lambda: self._finisher.retry(taken, after_s))


def _observe(
    prepared: Prepared[Taken], results: Results[Taken], at: datetime, pipeline: Any
) -> None:
    jobs = [taken.job for taken in prepared.jobs]
    queued = [j.started_at - j.enqueued_at for j in jobs if j.started_at and j.enqueued_at]
    totals = [at - taken.job.enqueued_at for taken, _ in results.done if taken.job.enqueued_at]
    observe("queue", [wait.total_seconds() for wait in queued], pipeline)
    observe("fetch", [prepared.seconds], pipeline)
    observe("inference", [results.seconds] if results.inferred else [], pipeline)
    observe("total", [total.total_seconds() for total in totals], pipeline)
