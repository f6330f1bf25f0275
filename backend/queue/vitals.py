"""What a worker tells about itself, and how long things took: written by workers, read by the web.

A worker's entry expires when it stops beating. Histograms are sums over all workers, for Prometheus.
"""

from __future__ import annotations

import os
import socket
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf, isfinite
from typing import Any, TypeVar

import redis

from backend.place import how_to_run
from backend.queue.keys import HISTOGRAMS, SUBMISSIONS, WORKERS, worker_key

__all__ = [
    "BUCKETS_S",
    "DRAINED_STATE",
    "RESTING",
    "STAGES",
    "SUSPENDED_STATE",
    "Histogram",
    "Vitals",
    "WorkerCard",
    "card_of",
    "count_submissions",
    "histograms_of",
    "memory_mb",
    "number_of",
    "observe",
]

#: Queue: submitted until taken. Fetch: a batch's images read and decoded. Inference: the models' time
#: for a batch. Total: submitted until stored. All in seconds.
STAGES = ("queue", "fetch", "inference", "total")
BUCKETS_S = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
MINUTE_S = 60.0
QUARTER_S = 15 * MINUTE_S
#: Names of workers that were killed are forgotten after this; their cards expire much sooner.
FORGET_NAME_S = 3600.0
#: What a worker says of itself that holds nothing and takes nothing, by `firstpass drain` and `rq suspend`; and
#: of such a worker, what it waits for, and what lets it go on.
DRAINED_STATE = "drained"
SUSPENDED_STATE = "suspended"
RESTING = (DRAINED_STATE, SUSPENDED_STATE)


@dataclass(frozen=True, slots=True)
class WorkerCard:
    """One live worker. Rates are images per second over the last minute and the last 15."""

    name: str
    host: str
    pid: int
    device: str
    model: str
    state: str
    batch_size: int
    images: int
    rate_1m: float
    rate_15m: float
    memory_mb: int
    #: Seconds of silence after which the card expires: three leases.
    ttl_s: int
    #: Seconds since the epoch, by Redis's clock.
    started_at: float
    seen_at: float
    #: What its answers depend on; empty where it does not say.
    fingerprint: str = ""
    #: When the mark ends by which it takes nothing, seconds since the epoch; 0 where it takes images.
    drained_until: float = 0.0

    #: Why it takes no images yet, and what is to be done about it; empty when it takes them.
    waits_for: str = ""
    remedy: str = ""

    def silent_s(self, now: float) -> float:
        """Seconds since the last heartbeat; both times are of Redis's clock."""
        return max(0.0, now - self.seen_at)

    def is_late(self, now: float) -> bool:
        """Whether it has been silent for longer than a lease, so that its images go to another."""
        return self.silent_s(now) > self.ttl_s / 3 + 1

    def takes_images(self, now: float) -> bool:
        """Whether it lives and waits for nothing; `now` is by Redis's clock."""
        return not self.waits_for and not self.is_late(now)


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

        >>> Histogram("queue", (0, 9, 0, 1, *[0] * 8), 1.0).within_s(0.5)
        0.03

        Infinite when that many took longer than the last bucket.
        """
        if not self.count:
            return None
        bounds = (*BUCKETS_S, inf)
        reached = accumulate(self.counts)
        return next(
            bound for bound, n in zip(bounds, reached, strict=True) if n >= share * self.count
        )


class Vitals:
    """The figures of this worker; used by its main thread and its heartbeat thread."""

    def __init__(
        self,
        name: str,
        *,
        device: str,
        model: str,
        ttl_s: int,
        fingerprint: str = "",
        runs_in: str = "host",
        clock: Callable[[], float],
    ) -> None:
        self._name, self._device, self._model, self._ttl_s = name, device, model, ttl_s
        self._fingerprint = fingerprint
        self._runs_in = runs_in
        self._clock = clock
        self._started_at = clock()
        self._images = 0
        self._recent: deque[tuple[float, int]] = deque()
        self.batch_size = 1
        self.state = "starting"
        self.drained_until = 0.0
        self.waits_for = self.remedy = ""

    def is_now(self, state: str) -> None:
        """Say this state, and what one who rests waits for."""
        self.state = state
        self.waits_for = f"is {state} and takes no images" if state in RESTING else ""
        self.remedy = ""
        if state == DRAINED_STATE:
            self.remedy = f"let it go on: {how_to_run('drain --undo', self._runs_in)}"
        elif state == SUSPENDED_STATE:
            self.remedy = "let it go on: `rq resume`, with this Redis"

    def count_images(self, images: int) -> None:
        """These were answered just now."""
        now = self._clock()
        self._images += images
        self._recent.append((now, images))
        while self._recent and self._recent[0][0] < now - QUARTER_S:
            self._recent.popleft()

    def publish(self, pipeline: Any) -> None:
        """Write this worker's card as part of a transaction or pipeline."""
        now = self._clock()
        key = worker_key(self._name)
        card = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "device": self._device,
            "model": self._model,
            "state": self.state,
            "batch_size": self.batch_size,
            "images": self._images,
            "rate_1m": self._rate(now, MINUTE_S),
            "rate_15m": self._rate(now, QUARTER_S),
            "memory_mb": memory_mb(),
            "ttl_s": self._ttl_s,
            "started_at": self._started_at,
            "seen_at": now,
            "fingerprint": self._fingerprint,
            "drained_until": self.drained_until,
            "waits_for": self.waits_for,
            "remedy": self.remedy,
        }
        pipeline.hset(key, mapping=card)
        pipeline.expire(key, self._ttl_s)
        pipeline.zadd(WORKERS, {self._name: now})
        pipeline.zremrangebyscore(WORKERS, "-inf", now - FORGET_NAME_S)

    def retire(self, connection: redis.Redis) -> None:
        """Take the card away: this worker has ended."""
        connection.delete(worker_key(self._name))
        connection.zrem(WORKERS, self._name)

    def _rate(self, now: float, window_s: float) -> float:
        """Images per second; a worker younger than the window is measured by its age."""
        recent = sum(images for at, images in list(self._recent) if at >= now - window_s)
        span = min(window_s, max(1.0, now - self._started_at))
        return round(recent / span, 3)


def observe(stage: str, seconds: Sequence[float], pipeline: Any) -> None:
    """Add measurements to a stage's histogram as part of a transaction."""
    for value in seconds:
        bucket = bisect_left(BUCKETS_S, value)
        pipeline.hincrby(HISTOGRAMS, f"{stage}:{bucket}", 1)
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
            tuple(number_of(stored.get(f"{stage}:{i}"), int) for i in range(len(BUCKETS_S) + 1)),
            number_of(stored.get(f"{stage}:sum"), float),
        )
        for stage in STAGES
    )


Number = TypeVar("Number", int, float)


def number_of(text: str | None, kind: Callable[[str], Number]) -> Number:
    """The figure that is stored so; 0 for none, and for what is no figure."""
    try:
        number = kind(text or "0")
    except ValueError:
        return kind("0")
    return number if isfinite(number) else kind("0")


def card_of(name: str, stored: Mapping[str, str]) -> WorkerCard:
    """A worker's card from its hash; a worker of another version may leave figures out."""
    return WorkerCard(
        name=name,
        host=stored.get("host", "?"),
        pid=number_of(stored.get("pid"), int),
        device=stored.get("device", "?"),
        model=stored.get("model", "?"),
        state=stored.get("state", "?"),
        batch_size=number_of(stored.get("batch_size"), int),
        images=number_of(stored.get("images"), int),
        rate_1m=number_of(stored.get("rate_1m"), float),
        rate_15m=number_of(stored.get("rate_15m"), float),
        memory_mb=number_of(stored.get("memory_mb"), int),
        ttl_s=number_of(stored.get("ttl_s", "30"), int),
        started_at=number_of(stored.get("started_at"), float),
        seen_at=number_of(stored.get("seen_at"), float),
        fingerprint=stored.get("fingerprint", ""),
        drained_until=number_of(stored.get("drained_until"), float),
        waits_for=stored.get("waits_for", ""),
        remedy=stored.get("remedy", ""),
    )


def memory_mb() -> int:
    """Resident memory of this process in MiB; 0 where the system does not say."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) // 1024
    except OSError:
        pass
    return 0
