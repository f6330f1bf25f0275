"""How the terminal and the status page say figures, so that both say them alike. Pure."""

from __future__ import annotations

from math import isinf

from backend.delivery.card import CourierCard
from backend.queue.keys import INTERACTIVE_QUEUE
from backend.queue.overview import RedisView
from backend.queue.vitals import BUCKETS_S, WorkerCard

__all__ = [
    "duration",
    "images",
    "megabytes",
    "printable",
    "queue_title",
    "redis_line",
    "seconds",
    "short_id",
    "tasks",
    "worker_name",
]

_TITLES = {INTERACTIVE_QUEUE: "opened images"}


def queue_title(name: str) -> str:
    """What a person calls a queue."""
    return _TITLES.get(name, "bulk")


def images(count: int) -> str:
    """How many, in words.

    >>> images(1), images(2000)
    ('1 image', '2,000 images')
    """
    return "1 image" if count == 1 else f"{count:,} images"


def tasks(count: int) -> str:
    """How many tasks of Label Studio, in words.

    >>> tasks(1), tasks(2000)
    ('1 task', '2,000 tasks')
    """
    return "1 task" if count == 1 else f"{count:,} tasks"


def short_id(job_id: str) -> str:
    """As much of a failure's id as names it: a job's beginning, a task's whole name.

    >>> short_id("3fa9c2d1" * 8), short_id("task 12 of project 4.1795207698")
    ('3fa9c2d13fa9', 'task 12 of project 4.1795207698')
    """
    return job_id if job_id.startswith("task ") else job_id[:12]


def worker_name(card: WorkerCard | CourierCard) -> str:
    """How a person finds the process: host and process id."""
    return f"{card.host}:{card.pid}"


def megabytes(count: int) -> str:
    """A size, in words.

    >>> megabytes(5 * 1024 * 1024)
    '5 MB'
    """
    return f"{count / (1024 * 1024):,.0f} MB"


def redis_line(redis: RedisView) -> str | None:
    """Redis in one line; `None` when it tells nothing of itself."""
    if redis.version is None:
        return None
    limit = f" of {megabytes(redis.max_bytes)}" if redis.max_bytes is not None else ""
    return (
        f"Redis {redis.version}: up {duration(redis.uptime_s)}, {megabytes(redis.used_bytes or 0)}"
        f"{limit}, append-only file {'on' if redis.aof else 'off'}."
    )


def duration(seconds: float | None) -> str:
    """A time that somebody waits, as a person says it; a dash when there is none.

    >>> duration(4.2), duration(90), duration(9000), duration(2e5), duration(None)
    ('4 s', '2 min', '2.5 h', '2 d', '-')
    """
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{max(0.0, seconds):.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 36 * 3600 else f"{seconds / 86_400:.0f} d"


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


def printable(text: str) -> str:
    """The text with every character that a terminal or a browser would obey instead of show replaced.

    >>> printable("a\\x1b[2Jb")
    'a\ufffd[2Jb'
    """
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
