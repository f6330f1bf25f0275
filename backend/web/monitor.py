"""The queue as last seen: a thread looks every second, so that `/health` never waits for Redis."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import redis
import structlog
from rq import Queue

from backend.errors import QueueUnavailable
from backend.queue.keys import QUEUES
from backend.status.overview import Overview, read_overview

__all__ = ["QueueMonitor", "QueueState"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class QueueState:
    """Whether Redis answered, how many jobs wait in each queue, how many workers are alive."""

    redis_up: bool = False
    depths: dict[str, int] = field(default_factory=dict)
    workers: int = 0


class QueueMonitor:
    """Looks at Redis from `start()` to `close()`; `state` is the last look."""

    def __init__(self, connection: redis.Redis, *, interval_s: float = 1.0) -> None:
        self.state = QueueState()
        self._connection = connection
        self._interval_s = interval_s
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="queue-monitor", daemon=True)

    def start(self) -> None:
        """Look once, then go on looking."""
        self.state = self._look()
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def overview(self) -> Overview:
        """All that a status tells, read now; when Redis does not answer, that and why. Waits for Redis."""
        try:
            return read_overview(self._connection)
        except QueueUnavailable as error:
            return Overview.without_redis(str(error))

    def _watch(self) -> None:
        while not self._closed.wait(self._interval_s):
            before, self.state = self.state, self._look()
            if before.redis_up != self.state.redis_up:
                log.warning("redis", up=self.state.redis_up)

    def _look(self) -> QueueState:
        try:
            with self._connection.pipeline(transaction=False) as pipeline:
                for name in QUEUES:
                    pipeline.llen(f"{Queue.redis_queue_namespace_prefix}{name}")
                pipeline.smembers("rq:workers")
                *depths, workers = pipeline.execute()
            alive = self._connection.exists(*workers) if workers else 0
        except redis.RedisError:
            return QueueState()
        return QueueState(True, dict(zip(QUEUES, depths, strict=True)), int(alive))
