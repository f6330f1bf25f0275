"""All that a status tells, read from Redis in three round trips, and without changing anything.

RQ's registries are read as plain keys: `registry.count` and `len(registry)` run RQ's cleanup, which
without a lock puts an abandoned job back as often as somebody looks.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import redis
from rq import Queue
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.utils import str_to_date

from backend.delivery.card import CourierCard, card_of, living
from backend.delivery.keys import COURIER, COURIERS, OWING, PUT_OFF, owed_key
from backend.queue.client import is_foreign, wrong_type
from backend.queue.clock import RedisClock
from backend.queue.connection import queue_errors
from backend.queue.failures import KEPT_S, FailureRecord, records_of
from backend.queue.histograms import Histogram, histograms_of, number_of
from backend.queue.keys import (
    FAILURE_KINDS,
    FAILURES,
    FAILURES_BY_TIME,
    HISTOGRAMS,
    QUEUES,
    SUBMISSIONS,
    WORKERS,
    worker_key,
)
from backend.queue.worker_card import WorkerCard
from backend.queue.worker_card import card_of as worker_card_of

__all__ = ["Overview", "QueueView", "RedisView", "Submissions", "read_overview", "read_workers"]

#: Ids looked at to find the oldest waiting job: a promoted job leaves its id behind in the bulk queue.
HEAD = 20
#: How a submitted image may stand: the fields of `Submissions`.
STANDINGS = ("hit", "joined", "queued", "busy")


@dataclass(frozen=True, slots=True)
class RedisView:
    """Redis by its own account; when it is not `up`, `reason` says why and the rest is unknown.

    `max_bytes` is `None` without a limit; `aof_ok` is false after a failed write of the file.
    """

    up: bool
    reason: str | None = None
    version: str | None = None
    uptime_s: int | None = None
    used_bytes: int | None = None
    max_bytes: int | None = None
    eviction: str | None = None
    aof: bool | None = None
    aof_ok: bool | None = None


@dataclass(frozen=True, slots=True)
class QueueView:
    """One queue: jobs that wait, seconds the oldest has waited, jobs that workers hold, jobs RQ keeps as failed."""

    name: str
    waiting: int
    oldest_s: float | None
    leased: int
    failed: int


@dataclass(frozen=True, slots=True)
class Submissions:
    """Images asked for since Redis holds data, by how each stood."""

    hit: int = 0
    joined: int = 0
    queued: int = 0
    busy: int = 0

    @property
    def asked(self) -> int:
        """All of them."""
        return self.hit + self.joined + self.queued + self.busy

    @property
    def hit_rate(self) -> float | None:
        """Share that was answered from the cache: 0..1; `None` when nothing was asked."""
        return self.hit / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at one moment, `at` (seconds since the epoch, by Redis's clock)."""

    at: float
    redis: RedisView
    queues: tuple[QueueView, ...] = ()
    workers: tuple[WorkerCard, ...] = ()
    submissions: Submissions = Submissions()
    histograms: tuple[Histogram, ...] = ()
    #: How often each kind of failure occurred since Redis holds data.
    failure_kinds: Mapping[str, int] = field(default_factory=dict)
    #: Images that failed and were not answered since; `failures` are the latest of them.
    failed_images: int = 0
    failures: tuple[FailureRecord, ...] = ()
    #: The courier that delivers, or else one that cannot yet; `None` when none is alive.
    courier: CourierCard | None = None
    #: Those that wait until it ends.
    waiting_couriers: tuple[CourierCard, ...] = ()
    #: Tasks whose prediction is still to be written into Label Studio.
    owed_tasks: int = 0
    #: Why Label Studio does not serve a project that is owed some of them.
    put_off: Mapping[str, str] = field(default_factory=dict)
    #: Keys of ours under which something else stands, whose figures are missing here.
    foreign: tuple[str, ...] = ()
    #: Where this process runs, for what it advises; see `place`.
    runs_in: str = "host"

    @classmethod
    def without_redis(cls, reason: str) -> Overview:
        """What can be told when Redis does not answer."""
        return cls(time.time(), RedisView(up=False, reason=reason))

    @property
    def waiting(self) -> int:
        """Jobs that wait, in all queues."""
        return sum(queue.waiting for queue in self.queues)

    @property
    def alive(self) -> tuple[WorkerCard, ...]:
        """The workers that are not late: what a late one last said of its pace holds no longer."""
        return tuple(card for card in self.workers if not card.is_late(self.at))

    @property
    def able(self) -> tuple[WorkerCard, ...]:
        """Those of the living workers that take images: their models are loaded."""
        return tuple(card for card in self.workers if card.takes_images(self.at))

    @property
    def images_per_s(self) -> float:
        """All live workers together, over the last minute."""
        return sum(card.rate_1m for card in self.alive)

    @property
    def seconds_left(self) -> float | None:
        """Until nothing waits, at the last minute's pace; `None` when nothing is being done."""
        return self.waiting / self.images_per_s if self.images_per_s > 0 else None


def read_overview(
    connection: redis.Redis, *, failures: int = 20, runs_in: str = "host"
) -> Overview:
    """What Redis holds now, with the latest `failures` reasons; `runs_in`: see `Overview`. Raises `QueueUnavailable`."""
    with queue_errors():
        now = RedisClock(connection)()
        foreign: list[str] = []
        first = _ask(connection, _first_questions(now, failures), foreign)
        second = _ask(connection, _second_questions(first), foreign)
    cards = [
        worker_card_of(_word(name), _text(second["card", name]))
        for name in first["workers"]
        if second["card", name]
    ]
    submitted = _text(first["submissions"])
    couriers = living(first["couriers"], now)
    return Overview(
        at=now,
        runs_in=runs_in,
        foreign=tuple(dict.fromkeys(foreign)),
        redis=_redis_view(first["info"]),
        queues=tuple(
            QueueView(
                name=name,
                waiting=first["waiting", name],
                oldest_s=_oldest_s([second["job", job] for job in first["head", name]], now),
                leased=first["leased", name],
                failed=first["failed", name],
            )
            for name in QUEUES
        ),
        workers=tuple(sorted(cards, key=lambda card: card.started_at)),
        submissions=Submissions(**{n: number_of(submitted.get(n), int) for n in STANDINGS}),
        histograms=histograms_of(_text(first["histograms"])),
        failure_kinds={
            kind: number_of(count, int) for kind, count in _text(first["kinds"]).items()
        },
        failed_images=first["failed images"],
        failures=tuple(records_of(second.get("failures", ()))),
        courier=card_of(first["courier"]) or next((card for card in couriers if card.unable), None),
        waiting_couriers=tuple(card for card in couriers if card.stands_by),
        owed_tasks=sum(second["owed", project] for project in first["owing"]),
        put_off={
            _word(project): _word(reason)
            for project, reason in first["put off"].items()
            if project in first["owing"]
        },
    )


def read_workers(connection: redis.Redis) -> list[WorkerCard]:
    """The workers' cards, two round trips. Raises Redis's own errors."""
    foreign: list[str] = []
    names = _ask(connection, {"workers": ("zrange", WORKERS, 0, -1)}, foreign)["workers"]
    if foreign:  # not "no worker is alive", which nobody knows
        raise wrong_type(WORKERS)
    questions = {name: ("hgetall", worker_key("").encode() + name) for name in names}
    cards = _ask(connection, questions, foreign)
    return [worker_card_of(_word(name), _text(cards[name])) for name in names if cards[name]]


#: A command of redis-py by its method's name, and its arguments.
Question = tuple[Any, ...]


def _first_questions(now: float, failures: int) -> dict[Hashable, Question]:
    questions: dict[Hashable, Question] = {
        "info": ("info",),
        "histograms": ("hgetall", HISTOGRAMS),
        "submissions": ("hgetall", SUBMISSIONS),
        "kinds": ("hgetall", FAILURE_KINDS),
        "failed images": ("zcount", FAILURES_BY_TIME, now - KEPT_S, "+inf"),
        "latest": ("zrevrangebyscore", FAILURES_BY_TIME, "+inf", now - KEPT_S, 0, failures),
        "workers": ("zrange", WORKERS, 0, -1),
        "courier": ("get", COURIER),
        "owing": ("smembers", OWING),
        "put off": ("hgetall", PUT_OFF),
        "couriers": ("hvals", COURIERS),
    }
    for name in QUEUES:
        waiting = f"{Queue.redis_queue_namespace_prefix}{name}"
        questions["waiting", name] = ("llen", waiting)
        questions["head", name] = ("lrange", waiting, 0, HEAD - 1)
        questions["leased", name] = ("zcard", StartedJobRegistry.key_template.format(name))
        failed = FailedJobRegistry.key_template.format(name)
        questions["failed", name] = ("zcount", failed, now, "+inf")
    return questions


def _second_questions(first: Mapping[Hashable, Any]) -> dict[Hashable, Question]:
    questions: dict[Hashable, Question] = {
        ("card", name): ("hgetall", worker_key("").encode() + name) for name in first["workers"]
    }
    for project in first["owing"]:
        questions["owed", project] = ("zcard", owed_key("").encode() + project)
    for name in QUEUES:
        for job in first["head", name]:
            fields = ["status", "enqueued_at"]
            questions["job", job] = ("hmget", Job.redis_job_namespace_prefix.encode() + job, fields)
    if first["latest"]:
        questions["failures"] = ("hmget", FAILURES, first["latest"])
    return questions


#: What a command gives where there is nothing.
_NOTHING: Mapping[str, Any] = {
    "get": None,
    "hgetall": {},
    "hmget": [None, None],
    "llen": 0,
    "lrange": [],
    "smembers": set(),
    "zcard": 0,
    "zcount": 0,
    "zrange": [],
    "hvals": [],
    "zrevrangebyscore": [],
}


def _ask(
    connection: redis.Redis, questions: Mapping[Hashable, Question], foreign: list[str]
) -> dict[Hashable, Any]:
    """The reply to each question, in one round trip; `foreign` is told keys that hold something else.

    Who may not ask for `info` gets none.
    """
    with connection.pipeline(transaction=False) as pipeline:
        for command, *args in questions.values():
            getattr(pipeline, command)(*args)
        replies = dict(zip(questions, pipeline.execute(raise_on_error=False), strict=True))
    for name, reply in replies.items():
        if name == "info" and isinstance(reply, redis.ResponseError):
            replies[name] = {}
        elif isinstance(reply, redis.ResponseError) and is_foreign(reply):
            command, key, *_ = questions[name]
            foreign.append(_word(key) if isinstance(key, bytes) else str(key))
            replies[name] = _NOTHING[command]
        elif isinstance(reply, Exception):
            raise reply
    return replies


def _redis_view(info: Mapping[str, Any]) -> RedisView:
    if not info:
        return RedisView(up=True)
    limit = int(info.get("maxmemory", 0))
    aof = bool(info.get("aof_enabled", 0))
    return RedisView(
        up=True,
        version=str(info.get("redis_version", "?")),
        uptime_s=int(info.get("uptime_in_seconds", 0)),
        used_bytes=int(info.get("used_memory", 0)),
        max_bytes=limit or None,
        eviction=str(info.get("maxmemory_policy", "?")),
        aof=aof,
        aof_ok=info.get("aof_last_write_status", "ok") == "ok" if aof else None,
    )


def _oldest_s(jobs: Sequence[Sequence[bytes | None]], now: float) -> float | None:
    """Seconds since the first job that really waits was put in its queue."""
    for status, enqueued_at in jobs:
        if status == JobStatus.QUEUED.encode() and enqueued_at:
            with suppress(ValueError):  # somebody else's idea of a time
                return max(0.0, now - str_to_date(enqueued_at).timestamp())
    return None


def _text(stored: Mapping[bytes, bytes]) -> dict[str, str]:
    return {_word(field): _word(value) for field, value in stored.items()}


def _word(stored: bytes) -> str:
    """As text, whoever wrote it."""
    return stored.decode("utf-8", "backslashreplace")
