"""How long things took, and how often what: sums over all workers, for status and Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf, isfinite
from typing import Any, TypeVar

import redis

from backend.queue.keys import HISTOGRAMS, SUBMISSIONS

__all__ = [
    "BUCKETS_S",
    "STAGES",
    "Histogram",
    "count_submissions",
    "histograms_of",
    "number_of",
    "observe",
]

#: Queue: submitted until taken. Fetch: a batch's images read and decoded. Inference: the models' time
#: for a batch. Total: submitted until stored. All in seconds.
STAGES = ("queue", "fetch", "inference", "total")
#: Six to a power of ten, so that half and nearly all of the measurements mostly fall into different ones.
BUCKETS_S = (
    *(round(step * 10.0**power, 3) for power in range(-2, 3) for step in (1, 1.5, 2, 3, 5, 7)),
    1000.0,
)
#: What a count is stored under: its bound, so that other buckets in another version mean nothing else.
_FIELDS = (*(f"{bound:g}" for bound in BUCKETS_S), "inf")


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts per bucket of `BUCKETS_S` (not cumulative; one more for what is longer), and the sum."""

    stage: str
    counts: tuple[int, ...]
    sum_s: float

    @property
    def count(self) -> int:
        """How many were measured."""
        return sum(self.counts)

    @property
    def mean_s(self) -> float | None:
        """The average; `None` when nothing was measured."""
        return self.sum_s / self.count if self.count else None

    def within_s(self, share: float) -> float | None:
        """A bound that this share (0..1) of the measurements kept to; `None` without measurements.

        >>> Histogram("queue", (0, 9, 0, 1, *[0] * 28), 1.0).within_s(0.5)
        0.015

        Infinite when that many took longer than the last bucket.
        """
        if not self.count:
            return None
        bounds = (*BUCKETS_S, inf)
        reached = accumulate(self.counts)
        return next(
            bound for bound, n in zip(bounds, reached, strict=True) if n >= share * self.count
        )


def observe(stage: str, seconds: Sequence[float], pipeline: Any) -> None:
    """Add measurements to a stage's histogram as part of a transaction."""
    for value in seconds:
        bucket = bisect_left(BUCKETS_S, value)
        pipeline.hincrby(HISTOGRAMS, f"{stage}:{_FIELDS[bucket]}", 1)
    if seconds:
        pipeline.hincrbyfloat(HISTOGRAMS, f"{stage}:sum", round(sum(seconds), 6))


def count_submissions(standings: Iterable[tuple[str, int]], connection: redis.Redis) -> None:
    """Add to how often a submitted image stood how (hit, joined, queued, busy): one round trip."""
    with connection.pipeline(transaction=False) as pipeline:
        for standing, count in standings:
            pipeline.hincrby(SUBMISSIONS, standing, count)
        pipeline.execute()


def histograms_of(stored: Mapping[str, str]) -> tuple[Histogram, ...]:
    """Each stage's histogram over all workers since Redis holds data, from the hash `HISTOGRAMS`."""
    return tuple(
        Histogram(
            stage,
            tuple(number_of(stored.get(f"{stage}:{bound}"), int) for bound in _FIELDS),
            number_of(stored.get(f"{stage}:sum"), float),
        )
        for stage in STAGES
    )


Number = TypeVar("Number", int, float)


def number_of(text: str | None, kind: Callable[[str], Number]) -> Number:
    """The figure that is stored so; 0 for none, and for what is no figure."""
    try:
        number = kind(text or "0")
        return number if isfinite(number) else kind("0")
    except (ValueError, OverflowError):  # no figure, and one that is past any
        return kind("0")
