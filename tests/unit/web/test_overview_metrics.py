"""The overview in Prometheus's format, read back by Prometheus's own parser."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from backend.queue.histograms import BUCKETS_S
from backend.status.overview import Overview
from backend.web.metrics import Metrics
from tests.unit.web.overviews import AT, REDIS, courier, overview, worker


def samples(told: Overview) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Value by name and labels; the same sample twice would be an error of ours."""
    read: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(Metrics().text(told).decode()):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in read
            read[key] = sample.value
    return read


def value(told: Overview, name: str, **labels: str) -> float:
    return samples(told)[f"firstpass_{name}", frozenset(labels.items())]


def test_queues_failures_and_cache_are_told() -> None:
    """Each by its own label."""
    told = overview()

    assert value(told, "queue_depth", queue="firstpass-bulk") == 49
    assert value(told, "queue_oldest_seconds", queue="firstpass-bulk") == 300
    assert value(told, "queue_leased", queue="firstpass-bulk") == 16
    assert value(told, "failures_total", kind="ImageUnreadable") == 4
    assert value(told, "submissions_total", standing="hit") == 30


def test_histograms_are_cumulative() -> None:
    """The last bucket holds all measurements, and none is smaller than the one before."""
    read = samples(overview())
    buckets = [
        read["firstpass_stage_seconds_bucket", frozenset({("stage", "queue"), ("le", bound)})]
        for bound in (*map(str, BUCKETS_S), "+Inf")
    ]

    assert buckets == sorted(buckets)
    assert buckets[-1] == 4 == value(overview(), "stage_seconds_count", stage="queue")
    assert value(overview(), "stage_seconds_sum", stage="queue") == 0.5


def test_workers_are_told_by_device_and_model() -> None:
    """Two workers of one host and process id are two samples, and odd names are quoted."""
    odd = 'a"b\\c\nd'
    told = overview(workers=(worker(), worker(name="w2", model=odd)))
    labels = {"host": "gpu-box", "device": "cuda:0"}

    assert value(told, "worker_images_per_second", worker="w1", model="tiny", **labels) == 2.5
    assert value(told, "worker_batch_size", worker="w2", model=odd, **labels) == 8


def test_late_delivery_is_told() -> None:
    """What is owed, also while no courier is alive; what it did, only while one is."""
    manned = overview(courier=courier(waiting="no connection"), owed_tasks=12)
    unmanned = samples(overview(owed_tasks=3))

    assert value(manned, "owed_tasks") == 12
    assert (value(manned, "courier_up"), value(manned, "courier_waiting")) == (1, 1)
    assert value(manned, "courier_tasks_total", outcome="stored") == 1500
    assert value(manned, "courier_tasks_total", outcome="failed") == 7
    assert unmanned["firstpass_owed_tasks", frozenset()] == 3
    assert unmanned["firstpass_courier_up", frozenset()] == 0
    assert not any("courier_tasks" in name for name, _ in unmanned)


def test_what_redis_may_use_is_told_where_it_has_a_limit() -> None:
    """Alerts compare it with what is used; without a limit, and without a file, there is nothing to tell."""
    told = overview(redis=replace(REDIS, max_bytes=1024, aof_ok=False))
    unlimited = samples(overview(redis=replace(REDIS, aof=False, aof_ok=None)))

    assert (value(told, "redis_max_bytes"), value(told, "redis_aof_ok")) == (1024, 0)
    assert not any("max_bytes" in name or "aof_ok" in name for name, _ in unlimited)


def test_ready_is_a_worker_that_has_its_models() -> None:
    """One that waits for them does not count, nor one that was not heard of for longer than a lease."""
    waits, late = worker(waits_for="models"), worker(name="w2", seen_at=AT - 25)

    assert value(overview(), "workers_ready") == 1
    assert value(overview(workers=(waits, late)), "workers_ready") == 0
    assert value(overview(workers=()), "workers_ready") == 0


def test_without_redis_only_that_is_told() -> None:
    """No figure is made up: absent is not zero."""
    read = samples(Overview.without_redis("gone"))

    assert read == {("firstpass_redis_up", frozenset()): 0.0}
