"""What a running `firstpass prelabel` tells about itself: written by it while it lives, read by status."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass

import redis
from pydantic import TypeAdapter, ValidationError

from backend.delivery.keys import RUNS
from backend.errors import FirstpassError
from backend.label_studio.project_key import ProjectKey
from backend.queue.clock import RedisClock
from backend.queue.connection import queue_errors

__all__ = ["RUN_TTL_S", "RunCard", "living_runs", "runs_over", "shown_in_redis"]

#: A run that has been silent for so long is not there.
RUN_TTL_S = 20
BEAT_S = 2.0


@dataclass(frozen=True, slots=True)
class RunCard:
    """A live run over a project (as Label Studio names it). Times are seconds since the epoch."""

    project: str
    title: str
    version: str
    host: str
    pid: int
    seen_at: float
    predicted: int
    failed: int
    total: int | None = None
    images_per_s: float | None = None
    #: What it waits for; empty while it works.
    waits_for: str = ""

    @property
    def seconds_left(self) -> float | None:
        """At the pace of the last minutes; `None` where total or pace are not known, as while it waits."""
        if self.total is None or self.images_per_s is None or not self.images_per_s > 0:
            return None
        left = self.total - self.predicted - self.failed
        return (
            left / self.images_per_s if left >= 0 else None
        )  # tasks that came since are not known


_CARD = TypeAdapter(RunCard)


@contextmanager
def shown_in_redis(
    connection: redis.Redis, card: Callable[[str, int, float], RunCard]
) -> Iterator[None]:
    """Show a run until the block ends, and no longer than `RUN_TTL_S` where it is killed.

    `card` makes the card of now from host, process id and Redis's time; it is called from another thread.
    Nothing of the run depends on it: while Redis does not answer it is not shown.
    """
    host, pid, ended = socket.gethostname(), os.getpid(), threading.Event()
    clock, field = RedisClock(connection), f"{host}:{pid}"

    def beat() -> None:
        while not ended.is_set():
            with suppress(redis.RedisError, FirstpassError), connection.pipeline() as pipeline:
                pipeline.hset(RUNS, field, json.dumps(asdict(card(host, pid, clock()))))
                # Cards of killed runs stay while any other lives, and are known by their age.
                pipeline.expire(RUNS, RUN_TTL_S)
                pipeline.execute()
            ended.wait(BEAT_S)

    beating = threading.Thread(target=beat, name="run-card", daemon=True)
    beating.start()
    try:
        yield
    finally:
        ended.set()
        beating.join(BEAT_S)
        with suppress(redis.RedisError):
            connection.hdel(RUNS, field)


def living_runs(stored: Iterable[object], now: float) -> list[RunCard]:
    """The cards among what is stored so, of those runs that are alive at `now`, by Redis's clock."""
    return [
        card
        for card in map(_card_of, stored)
        if card is not None and now - card.seen_at < RUN_TTL_S
    ]


def runs_over(connection: redis.Redis, project: ProjectKey) -> list[RunCard]:
    """The runs that fill this project now. Raises `QueueUnavailable`."""
    with queue_errors():
        stored, now = connection.hvals(RUNS), RedisClock(connection)()
    return [run for run in living_runs(stored, now) if run.project == str(project)]


def _card_of(text: object) -> RunCard | None:
    """`None` for what is none, such as one of another version of Firstpass."""
    if not isinstance(text, str | bytes):
        return None
    try:
        return _CARD.validate_json(text)
    except ValidationError:
        return None
