"""What a worker has in hand of one queue: jobs being fetched, fetched, begun and decoded."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from rq import Queue
from rq.job import Job

from backend.inference.batch import BatchRunner, Prepared
from backend.queue.fetches import Fetched, Fetches
from backend.queue.take import Taken

__all__ = ["Lane", "payload_of", "timeout_s"]

#: So long a batch that is not full waits for downloads that may be here soon.
GATHER_S = 0.1


@dataclass(slots=True)
class Lane:
    """One queue's jobs; everything but `fetches` is guarded by the intake's lock."""

    queue: Queue
    fetches: Fetches[Taken]
    runner: BatchRunner[Taken]
    decoder: ThreadPoolExecutor
    fetched: deque[Fetched[Taken]] = field(default_factory=deque)
    #: Begun, and not decoded: their pixels would not have fitted into the batch before.
    begun: deque[Fetched[Taken]] = field(default_factory=deque)
    decoding: bool = False
    ready: Prepared[Taken] | None = None

    @property
    def is_begun(self) -> bool:
        """Whether any of its jobs could be what ends the process."""
        return bool(self.begun or self.decoding or self.ready)

    @property
    def holds(self) -> int:
        return len(self.fetched) + len(self.begun) + self.decoding + (self.ready is not None)

    def here(self, size: int) -> list[Fetched[Taken]]:
        """Up to `size` jobs whose bytes are here, taken out; none while more may be here soon."""
        waits = self.fetches.fresh and len(self.fetched) < size
        if not self.fetched or (waits and time.monotonic() - self.fetched[0].at < GATHER_S):
            return []
        return [self.fetched.popleft() for _ in range(min(size, len(self.fetched)))]

    def fitting(self, pixels_of: Callable[[Any], int], most: int) -> list[Fetched[Taken]]:
        """Begun jobs of at most so many pixels, taken out, and at least one; the others stay begun."""
        batch: list[Fetched[Taken]] = []
        pixels = 0
        while self.begun:
            one = self.begun[0]
            pixels += pixels_of(one.item) if one.error is None else 0
            if batch and pixels > most:
                break
            batch.append(self.begun.popleft())
        return batch


def timeout_s(batch: Sequence[Taken]) -> float:
    """Seconds that a batch of these may take."""
    return max(float(taken.job.timeout or 180) for taken in batch)


def payload_of(job: Job) -> object:
    """The job's one argument; `None`, which the handler refuses, for a job that is not ours."""
    try:
        return job.args[0] if len(job.args) == 1 else None
    except Exception:  # noqa: BLE001 - it may be another program's, in any format
        return None
