"""Prometheus metrics of one web process, in a registry of its own."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from backend.service import Slot
from backend.web.monitor import QueueState

__all__ = ["Metrics"]


class Metrics:
    """Counts what `/predict` did; shows the queue as last seen."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "firstpass_requests",
            "Requests by route and status.",
            ["route", "status"],
            registry=self.registry,
        )
        self._tasks = Counter(
            "firstpass_tasks",
            "Tasks asked for, by what became of them.",
            ["outcome"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "firstpass_request_seconds",
            "Seconds from request to reply.",
            ["route"],
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 90),
            registry=self.registry,
        )
        self._depth = Gauge(
            "firstpass_queue_depth", "Jobs that wait, by queue.", ["queue"], registry=self.registry
        )
        self._workers = Gauge(
            "firstpass_workers", "Workers that sent a heartbeat lately.", registry=self.registry
        )
        self._redis_up = Gauge(
            "firstpass_redis_up", "1 when Redis answered last time.", registry=self.registry
        )

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """One reply sent."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_slots(self, slots: Iterable[Slot]) -> None:
        """What became of the tasks of one request."""
        for slot in slots:
            self._tasks.labels(slot.outcome).inc()

    def text(self, state: QueueState) -> bytes:
        """The exposition format, with the queue as last seen."""
        self._redis_up.set(1 if state.redis_up else 0)
        self._workers.set(state.workers)
        for queue, depth in state.depths.items():
            self._depth.labels(queue).set(depth)
        return generate_latest(self.registry)
