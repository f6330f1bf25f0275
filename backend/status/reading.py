"""An overview read from Redis in three round trips, and without changing anything.

RQ's registries are read as plain keys: `registry.count` and `len(registry)` run RQ's cleanup, which
without a lock puts an abandoned job back as often as somebody looks.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import redis
from rq import Queue
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.utils import str_to_date

from backend.delivery.card import card_of, living
from backend.delivery.keys import (
    COURIER,
    COURIERS,
    OWING,
    PROJECTS,
    PUT_OFF,
    RUNS,
    failed_key,
    figures_key,
    owed_key,
)
from backend.delivery.run_card import RunCard, living_runs
from backend.queue.client import wrong_type
from backend.queue.clock import RedisClock
from backend.queue.connection import queue_errors
from backend.queue.failures import KEPT_S, FailedTask, failed_task_of, records_of
from backend.queue.heads import HeadShelf
from backend.queue.histograms import histograms_of, number_of
from backend.queue.keys import (
    FAILURE_KINDS,
    FAILURES,
    FAILURES_BY_TIME,
    HISTOGRAMS,
    INSTALLATION,
    QUEUES,
    SUBMISSIONS,
    WORKERS,
    failed_in_key,
    worker_key,
)
from backend.queue.worker_card import WorkerCard
from backend.queue.worker_card import card_of as worker_card_of
from backend.status.installation import home_of, installation_of
from backend.status.overview import (
    STANDINGS,
    HeadView,
    Overview,
    ProjectView,
    QueueView,
    Submissions,
)
from backend.status.questions import Question, ask, redis_view, text_of, word
from models.heads import HeadUnusable

__all__ = ["read_overview", "read_workers"]

#: Ids looked at to find the oldest waiting job: a promoted job leaves its id behind in the bulk queue.
HEAD = 20
#: Projects shown that nothing is owed to and nobody fills just now: those that were last heard of.
MOST_PROJECTS = 20


def read_overview(
    connection: redis.Redis,
    *,
    failures: int = 20,
    runs_in: str = "host",
    heads: HeadShelf | None = None,
) -> Overview:
    """What Redis holds now, with the latest `failures` reasons; `runs_in`: see `Overview`. Raises `QueueUnavailable`.

    Learned heads are looked for among `heads`; without it they are not told of.
    """
    with queue_errors():
        now = RedisClock(connection)()
        foreign: list[str] = []
        first = ask(connection, _first_questions(now, failures), foreign)
        runs = living_runs(first["runs"], now)
        first["shown"] = _shown(first, runs)
        second = ask(connection, _second_questions(first, now), foreign)
    cards = [
        worker_card_of(word(name), text_of(second["card", name]))
        for name in first["workers"]
        if second["card", name]
    ]
    submitted = text_of(first["submissions"])
    couriers = living(first["couriers"], now)
    return Overview(
        at=now,
        runs_in=runs_in,
        foreign=tuple(dict.fromkeys(foreign)),
        redis=redis_view(first["info"]),
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
        histograms=histograms_of(text_of(first["histograms"])),
        failure_kinds={
            kind: number_of(count, int) for kind, count in text_of(first["kinds"]).items()
        },
        failed_images=first["failed images"],
        failures=tuple(records_of(second.get("failures", ()))),
        failed_in=_failed_in(first["latest"], second),
        label_studio=home_of(installation_of(first["installation"])),
        courier=card_of(first["courier"]) or next((card for card in couriers if card.unable), None),
        waiting_couriers=tuple(card for card in couriers if card.stands_by),
        owed_tasks=sum(second["owed", project] for project in first["owing"]),
        projects=tuple(_projects(first["shown"], second, runs, heads)),
        put_off={
            word(project): word(reason)
            for project, reason in first["put off"].items()
            if project in first["owing"]
        },
    )


def read_workers(connection: redis.Redis) -> list[WorkerCard]:
    """The workers' cards, two round trips. Raises Redis's own errors."""
    foreign: list[str] = []
    names = ask(connection, {"workers": ("zrange", WORKERS, 0, -1)}, foreign)["workers"]
    if foreign:  # not "no worker is alive", which nobody knows
        raise wrong_type(WORKERS)
    questions = {name: ("hgetall", worker_key("").encode() + name) for name in names}
    cards = ask(connection, questions, foreign)
    return [worker_card_of(word(name), text_of(cards[name])) for name in names if cards[name]]


def _shown(first: Mapping[Hashable, Any], runs: Iterable[RunCard]) -> list[bytes]:
    """The projects that something is owed to, is done for, or was done for lately."""
    running = (run.project.encode() for run in runs)
    return list(dict.fromkeys((*running, *sorted(first["owing"]), *first["projects"])))


def _projects(
    names: Iterable[bytes],
    second: Mapping[Hashable, Any],
    runs: Sequence[RunCard],
    heads: HeadShelf | None,
) -> Iterator[ProjectView]:
    for name in names:
        figures = text_of(second["figures", name])
        own = tuple(run for run in runs if run.project.encode() == name)
        yield ProjectView(
            word(name),
            title=own[0].title if own else figures.get("title", ""),
            version=own[0].version if own else figures.get("version", ""),
            predicted=number_of(figures.get("predicted"), int),
            failed=second["gone", name],
            owed=second["owed", name],
            runs=own,
            heads=tuple(_heads(figures.get("heads", ""), heads)),
        )


def _heads(named: str, shelf: HeadShelf | None) -> Iterator[HeadView]:
    """What became of each head that is named; Redis answers, so that nothing is unknown."""
    if shelf is None:
        return
    for fingerprint in named.split():
        try:
            shelf.card(fingerprint)
        except HeadUnusable as error:
            yield HeadView(fingerprint, str(error))
        else:
            yield HeadView(fingerprint)


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
        "installation": ("get", INSTALLATION),
        "owing": ("smembers", OWING),
        "put off": ("hgetall", PUT_OFF),
        "couriers": ("hvals", COURIERS),
        "runs": ("hvals", RUNS),
        "projects": ("zrevrange", PROJECTS, 0, MOST_PROJECTS - 1),
    }
    for name in QUEUES:
        waiting = f"{Queue.redis_queue_namespace_prefix}{name}"
        questions["waiting", name] = ("llen", waiting)
        questions["head", name] = ("lrange", waiting, 0, HEAD - 1)
        questions["leased", name] = ("zcard", StartedJobRegistry.key_template.format(name))
        failed = FailedJobRegistry.key_template.format(name)
        questions["failed", name] = ("zcount", failed, now, "+inf")
    return questions


def _second_questions(first: Mapping[Hashable, Any], now: float) -> dict[Hashable, Question]:
    questions: dict[Hashable, Question] = {
        ("card", name): ("hgetall", worker_key("").encode() + name) for name in first["workers"]
    }
    for project in first["shown"]:
        questions["owed", project] = ("zcard", owed_key("").encode() + project)
        questions["figures", project] = ("hgetall", figures_key("").encode() + project)
        failed = failed_key("").encode() + project
        questions["gone", project] = ("zcount", failed, now - KEPT_S, "+inf")
    for name in QUEUES:
        for job in first["head", name]:
            fields = ["status", "enqueued_at"]
            questions["job", job] = ("hmget", Job.redis_job_namespace_prefix.encode() + job, fields)
    if first["latest"]:
        questions["failures"] = ("hmget", FAILURES, first["latest"])
    for job in first["latest"]:
        questions["failed in", job] = ("get", failed_in_key("").encode() + job)
    return questions


def _failed_in(jobs: Iterable[bytes], second: Mapping[Hashable, Any]) -> dict[str, FailedTask]:
    found = {word(job): failed_task_of(second["failed in", job]) for job in jobs}
    return {job: task for job, task in found.items() if task is not None}


def _oldest_s(jobs: Sequence[Sequence[bytes | None]], now: float) -> float | None:
    """Seconds since the first job that really waits was put in its queue."""
    for status, enqueued_at in jobs:
        if status == JobStatus.QUEUED.encode() and enqueued_at:
            with suppress(ValueError):  # somebody else's idea of a time
                return max(0.0, now - str_to_date(enqueued_at).timestamp())
    return None
