"""What a worker tells about itself, and how long things took: written by workers, read by the web.

A worker's entry expires when it stops beating. Histograms are sums over all workers, for Prometheus.
"""

from __future__ import annotations

import os
import socket
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis

from backend.queue.keys import HISTOGRAMS, WORKERS, worker_key

__all__ = [
    "BUCKETS_S",
    "STAGES",
    "Histogram",
    "Vitals",
    "WorkerCard",
    "histograms",
    "memory_mb",
    "observe",
    "workers",
]

#: Queue: submitted until taken. Fetch: a batch's images read and decoded. Inference: the models' time
#: for a batch. Total: submitted until stored. All in seconds.
STAGES = ("queue", "fetch", "inference", "total")
BUCKETS_S = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
MINUTE_S = 60.0
QUARTER_S = 15 * MINUTE_S


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
    #: Seconds since the epoch.
    started_at: float
    seen_at: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts per bucket of `BUCKETS_S` (not cumulative; one more for what is longer), and the sum."""

    stage: str
    counts: tuple[int, ...]
    sum_s: float


class Vitals:
    """The figures of this worker; used by its main thread and its heartbeat thread."""

    def __init__(
        self,
        name: str,
        *,
        device: str,
        model: str,
        ttl_s: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name, self._device, self._model, self._ttl_s = name, device, model, ttl_s
        self._clock = clock
        self._started_at = clock()
        self._images = 0
        self._recent: deque[tuple[float, int]] = deque()
        self.batch_size = 1
        self.state = "starting"

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
            "started_at": self._started_at,
            "seen_at": now,
        }
        pipeline.hset(key, mapping=card)
        pipeline.expire(key, self._ttl_s)
        pipeline.zadd(WORKERS, {self._name: now})

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


def histograms(connection: redis.Redis) -> Iterator[Histogram]:
    """Each stage's histogram over all workers since Redis holds data."""
    stored = _text_hash(connection, HISTOGRAMS)
    for stage in STAGES:
        counts = tuple(int(stored.get(f"{stage}:{i}", 0)) for i in range(len(BUCKETS_S) + 1))
        yield Histogram(stage, counts, float(stored.get(f"{stage}:sum", 0.0)))


def workers(connection: redis.Redis) -> list[WorkerCard]:
    """The live workers, the longest running first; forgets those whose card has expired."""
    cards = []
    for raw in cast("list[bytes]", connection.zrange(WORKERS, 0, -1)):
        name = raw.decode()
        card = _text_hash(connection, worker_key(name))
        if not card:
            connection.zrem(WORKERS, name)
            continue
        cards.append(_card(name, card))
    return sorted(cards, key=lambda card: card.started_at)


def _text_hash(connection: redis.Redis, key: str) -> dict[str, str]:
    stored = cast("dict[bytes, bytes]", connection.hgetall(key))
    return {field.decode(): value.decode() for field, value in stored.items()}


def _card(name: str, stored: dict[str, str]) -> WorkerCard:
    return WorkerCard(
        name=name,
        host=stored["host"],
        pid=int(stored["pid"]),
        device=stored["device"],
        model=stored["model"],
        state=stored["state"],
        batch_size=int(stored["batch_size"]),
        images=int(stored["images"]),
        rate_1m=float(stored["rate_1m"]),
        rate_15m=float(stored["rate_15m"]),
        memory_mb=int(stored["memory_mb"]),
        started_at=float(stored["started_at"]),
        seen_at=float(stored["seen_at"]),
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
