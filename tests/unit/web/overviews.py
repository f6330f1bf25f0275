"""Overviews made by hand, for tests of what is said about them."""

from __future__ import annotations

from typing import Any

from backend.delivery.card import CourierCard
from backend.queue.failures import FailureRecord
from backend.queue.histograms import BUCKETS_S, STAGES, Histogram
from backend.queue.keys import BULK_QUEUE, INTERACTIVE_QUEUE
from backend.queue.worker_card import WorkerCard
from backend.status.overview import Overview, QueueView, RedisView, Submissions

AT = 1_800_000_000.0
REDIS = RedisView(
    up=True,
    version="7.0.15",
    uptime_s=7200,
    used_bytes=5 * 1024 * 1024,
    eviction="noeviction",
    aof=True,
    aof_ok=True,
)


def worker(**changes: Any) -> WorkerCard:
    """A busy worker that beat a second ago."""
    figures: dict[str, Any] = {
        "name": "w1",
        "host": "gpu-box",
        "pid": 17,
        "device": "cuda:0",
        "model": "tiny",
        "state": "busy",
        "batch_size": 8,
        "images": 1234,
        "rate_1m": 2.5,
        "rate_15m": 2.0,
        "memory_mb": 900,
        "ttl_s": 30,
        "started_at": AT - 600,
        "seen_at": AT - 1,
    }
    return WorkerCard(**{**figures, **changes})


def courier(**changes: Any) -> CourierCard:
    """A courier that beat two seconds ago and delivers."""
    figures: dict[str, Any] = {
        "host": "box",
        "pid": 21,
        "label_studio_url": "http://ls.example:8080",
        "started_at": AT - 600,
        "seen_at": AT - 2,
        "stored": 1500,
        "failed": 7,
    }
    return CourierCard(**{**figures, **changes})


def failure(**changes: Any) -> FailureRecord:
    """An image that could not be decoded, a minute ago."""
    figures: dict[str, Any] = {
        "job_id": "ab" * 32,
        "image": "/data/upload/1/a.jpg",
        "kind": "ImageUnreadable",
        "message": "not an image",
        "transient": False,
        "attempts": 1,
        "at": AT - 60,
    }
    return FailureRecord(**{**figures, **changes})


def overview(**changes: Any) -> Overview:
    """An installation at work, with nothing wrong."""
    counts = (0, 0, 3, 1, *[0] * (len(BUCKETS_S) - 3))
    parts: dict[str, Any] = {
        "at": AT,
        "redis": REDIS,
        "queues": (
            QueueView(INTERACTIVE_QUEUE, 1, 2.0, 0, 0),
            QueueView(BULK_QUEUE, 49, 300.0, 16, 3),
        ),
        "workers": (worker(),),
        "submissions": Submissions(hit=30, joined=5, queued=60, busy=5),
        "histograms": tuple(Histogram(stage, counts, 0.5) for stage in STAGES),
        "failure_kinds": {"ImageUnreadable": 4},
        "failed_images": 1,
        "failures": (failure(),),
    }
    return Overview(**{**parts, **changes})
