"""Prometheus metrics: what this web process did, and what Redis holds over all processes."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client import Histogram as PrometheusHistogram

from backend.prediction.predictor import Slot
from backend.status.overview import Overview
from backend.web.overview_metrics import OverviewCollector

__all__ = ["Metrics"]


class Metrics:
    """Counts what `/predict` did, in a registry of its own."""

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
        self._seconds = PrometheusHistogram(
            "firstpass_request_seconds",
            "Seconds from request to reply.",
            ["route"],
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 90),
            registry=self.registry,
        )

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """One reply sent."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_slots(self, slots: Iterable[Slot]) -> None:
        """What became of the tasks of one request."""
        for slot in slots:
            self._tasks.labels(slot.outcome).inc()

    def text(self, overview: Overview) -> bytes:
        """The exposition format: this process's counts, then the overview."""
        shared = CollectorRegistry()
        shared.register(OverviewCollector(overview))
        return generate_latest(self.registry) + generate_latest(shared)
