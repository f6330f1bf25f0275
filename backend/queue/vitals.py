"""What a worker tells about itself: written by workers, read by the web.

Its card expires when it stops beating.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import redis

from backend.place import how_to_run
from backend.queue.keys import WORKERS, worker_key
from backend.queue.worker_card import DRAINED_STATE, RESTING, SUSPENDED_STATE, WorkerCard

__all__ = ["Vitals", "memory_mb"]

MINUTE_S = 60.0
QUARTER_S = 15 * MINUTE_S
#: Names of workers that were killed are forgotten after this; their cards expire much sooner.
FORGET_NAME_S = 3600.0


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
        card = WorkerCard(
            self._name,
            host=socket.gethostname(),
            pid=os.getpid(),
            device=self._device,
            model=self._model,
            state=self.state,
            batch_size=self.batch_size,
            images=self._images,
            rate_1m=self._rate(now, MINUTE_S),
            rate_15m=self._rate(now, QUARTER_S),
            memory_mb=memory_mb(),
            ttl_s=self._ttl_s,
            started_at=self._started_at,
            seen_at=now,
            fingerprint=self._fingerprint,
            drained_until=self.drained_until,
            waits_for=self.waits_for,
            remedy=self.remedy,
        )
        pipeline.hset(key, mapping=asdict(card))
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
