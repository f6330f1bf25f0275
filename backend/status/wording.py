"""How the terminal and the status page say what a status tells, so that both say it alike. Pure."""

from __future__ import annotations

from math import isinf

from backend.delivery.card import CourierCard
from backend.queue.histograms import BUCKETS_S
from backend.queue.keys import INTERACTIVE_QUEUE
from backend.queue.worker_card import WorkerCard
from backend.status.overview import RedisView
from backend.wording import duration, megabytes

__all__ = ["queue_title", "redis_line", "seconds", "worker_name"]

_TITLES = {INTERACTIVE_QUEUE: "opened images"}


def queue_title(name: str) -> str:
    """What a person calls a queue."""
    return _TITLES.get(name, "bulk")


def worker_name(card: WorkerCard | CourierCard) -> str:
    """How a person finds the process: host and process id."""
    return f"{card.host}:{card.pid}"


def redis_line(redis: RedisView) -> str | None:
    """Redis in one line; `None` when it tells nothing of itself."""
    if redis.version is None:
        return None
    limit = f" of {megabytes(redis.max_bytes)}" if redis.max_bytes is not None else ""
    return (
        f"Redis {redis.version}: up {duration(redis.uptime_s)}, {megabytes(redis.used_bytes or 0)}"
        f"{limit}, append-only file {'on' if redis.aof else 'off'}."
    )


def seconds(value: float | None) -> str:
    """A measured time, to the point where it still says something.

    >>> seconds(0.0123), seconds(12.3), seconds(float("inf")), seconds(None)
    ('0.012 s', '12 s', '> 1000 s', '-')
    """
    if value is None:
        return "-"
    if isinf(value):
        return f"> {BUCKETS_S[-1]:.0f} s"
    return f"{value:.2g} s" if value < 10 else f"{value:.0f} s"
