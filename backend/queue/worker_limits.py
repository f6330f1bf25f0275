"""What bounds a worker: its batches, its leases, what is kept of outcomes, and when it is started anew."""

from __future__ import annotations

from dataclasses import dataclass

from backend.queue.finish import KeepLimits
from backend.queue.vitals import memory_mb

__all__ = ["WorkerLimits"]


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """`lease_s`: silence after which jobs go elsewhere. `batch_max` images at most in one batch, and
    fewer where one would take longer than `batch_latency_s`. Past `recycle_batches` batches or
    `recycle_memory_mb` MiB the worker ends itself after a batch, for its supervisor to start anew.
    `retry_after_s`: how long a job waits before its second and its third try, after a failure that
    may pass. `batch_pixels`: of all images of a batch, but for one that alone has more. `fetch_s`: by
    when a download has ended of itself.
    """

    batch_max: int
    batch_latency_s: float
    lease_s: int
    keep: KeepLimits
    recycle_batches: int | None = None
    recycle_memory_mb: int | None = None
    retry_after_s: tuple[float, float] = (2.0, 30.0)
    batch_pixels: int = 256_000_000
    fetch_s: float = 30.0

    def end_it_after(self, batches: int) -> bool:
        """Tell whether a worker that ran so many batches is to be started anew.

        Never before a batch was run: where the models alone are past the bound, work goes on too.
        """
        if not batches:
            return False
        if self.recycle_batches is not None and batches >= self.recycle_batches:
            return True
        return self.recycle_memory_mb is not None and memory_mb() > self.recycle_memory_mb
