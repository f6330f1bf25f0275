"""An overview in Prometheus's terms. Every web process of an installation tells the same figures here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from backend.queue.histograms import BUCKETS_S
from backend.queue.worker_card import WorkerCard
from backend.status.overview import STANDINGS, Overview, QueueView

__all__ = ["OverviewCollector"]


class OverviewCollector(Collector):
    """Gives the metric families of one overview; without Redis, `firstpass_redis_up 0` alone."""

    def __init__(self, overview: Overview) -> None:
        self._overview = overview

    def collect(self) -> Iterator[Metric]:
        """All families."""
        overview = self._overview
        yield _gauge("redis_up", "1 when Redis answered.", int(overview.redis.up))
        if not overview.redis.up:
            return
        if overview.redis.used_bytes is not None:
            yield _gauge("redis_used_bytes", "Memory Redis uses.", overview.redis.used_bytes)
        if overview.redis.max_bytes is not None:
            yield _gauge("redis_max_bytes", "Memory Redis may use.", overview.redis.max_bytes)
        if overview.redis.aof_ok is not None:
            yield _gauge(
                "redis_aof_ok",
                "1 when Redis could write its append-only file last time.",
                int(overview.redis.aof_ok),
            )
        yield _gauge("workers", "Workers that sent a heartbeat lately.", len(overview.workers))
        yield _gauge("workers_ready", "Those of them that take images.", len(overview.able))
        yield from _queues(overview.queues)
        yield from _workers(overview.workers, overview.at)
        yield _stages(overview)
        yield from _delivery(overview)
        yield _submissions(overview)
        yield _gauge(
            "failed_images",
            "Images that failed and were not answered since.",
            overview.failed_images,
        )
        failures = _counter("failures", "Images that failed for good, by kind.", ["kind"])
        for kind, count in overview.failure_kinds.items():
            failures.add_metric([kind], count)
        yield failures


def _queues(queues: Iterable[QueueView]) -> Iterator[Metric]:
    depth = _gauges("queue_depth", "Jobs that wait, by queue.", ["queue"])
    age = _gauges("queue_oldest_seconds", "Seconds the oldest job has waited.", ["queue"])
    leased = _gauges("queue_leased", "Jobs that workers hold.", ["queue"])
    failed = _gauges("queue_failed", "Jobs that RQ keeps as failed, for a day.", ["queue"])
    for queue in queues:
        depth.add_metric([queue.name], queue.waiting)
        age.add_metric([queue.name], queue.oldest_s or 0.0)
        leased.add_metric([queue.name], queue.leased)
        failed.add_metric([queue.name], queue.failed)
    yield from (depth, age, leased, failed)


def _workers(cards: Iterable[WorkerCard], now: float) -> Iterator[Metric]:
    labels = ["worker", "host", "device", "model"]
    told: dict[str, GaugeMetricFamily | CounterMetricFamily] = {
        "worker_images": _counter("worker_images", "Images a worker answered.", labels),
        "rate": _gauges("worker_images_per_second", "Images per second, last minute.", labels),
        "batch": _gauges("worker_batch_size", "Images the next batch may hold.", labels),
        "memory": _gauges("worker_memory_bytes", "Resident memory.", labels),
        "silent": _gauges("worker_silent_seconds", "Seconds since the last heartbeat.", labels),
        "busy": _gauges("worker_busy", "1 while a batch runs.", labels),
        "waiting": _gauges(
            "worker_waiting", "1 while it takes no images: its models or a device lack.", labels
        ),
    }
    for card in cards:
        values = [card.name, card.host, card.device, card.model]
        figures = {
            "worker_images": card.images,
            "rate": card.rate_1m,
            "batch": card.batch_size,
            "memory": card.memory_mb * 1024 * 1024,
            "silent": card.silent_s(now),
            "busy": int(card.state == "busy"),
            "waiting": int(bool(card.waits_for)),
        }
        for name, family in told.items():
            family.add_metric(values, figures[name])
    yield from told.values()


def _delivery(overview: Overview) -> Iterator[Metric]:
    courier = overview.courier
    yield _gauge("owed_tasks", "Tasks whose prediction is to be written late.", overview.owed_tasks)
    yield _gauge(
        "courier_up", "1 when a courier sent a heartbeat lately.", int(courier is not None)
    )
    if courier is None:
        return
    waiting = int(courier.waiting is not None)
    yield _gauge(
        "courier_waiting",
        "1 while it lacks its token, or Label Studio or Redis keeps it from delivering.",
        waiting,
    )
    delivered = _counter("courier_tasks", "Tasks by what the courier made of them.", ["outcome"])
    delivered.add_metric(["stored"], courier.stored)
    delivered.add_metric(["failed"], courier.failed)
    yield delivered


def _stages(overview: Overview) -> Metric:
    family = HistogramMetricFamily(
        "firstpass_stage_seconds",
        "Seconds: queue and total per image, fetch and inference per batch.",
        labels=["stage"],
    )
    bounds = [*(str(bound) for bound in BUCKETS_S), "+Inf"]
    for histogram in overview.histograms:
        buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
        family.add_metric([histogram.stage], buckets, sum_value=histogram.sum_s)
    return family


def _submissions(overview: Overview) -> Metric:
    family = _counter(
        "submissions",
        "Images asked for: hit (cached), joined, queued, busy (refused).",
        ["standing"],
    )
    for standing in STANDINGS:
        family.add_metric([standing], getattr(overview.submissions, standing))
    return family


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"firstpass_{name}", told, value=value)


def _gauges(name: str, told: str, labels: list[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"firstpass_{name}", told, labels=labels)


def _counter(name: str, told: str, labels: list[str]) -> CounterMetricFamily:
    return CounterMetricFamily(f"firstpass_{name}", told, labels=labels)
