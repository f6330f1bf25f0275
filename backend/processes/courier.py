"""Puts the courier process together from its settings, and runs it until a signal ends it."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import redis
import structlog

from backend.delivery.card import CourierCard, write_card
from backend.delivery.claims import Claims
from backend.delivery.complaints import Complaints
from backend.delivery.courier import Courier
from backend.delivery.failed_tasks import FailedTasks
from backend.delivery.keys import writer_key
from backend.delivery.owed import OwedTasks
from backend.delivery.post import BEAT_S, POST_TTL_S, Post
from backend.delivery.project_figures import ProjectFigures
from backend.delivery.turn import Turn
from backend.delivery.writer import PredictionWriter
from backend.errors import (
    ForeignValue,
    LabelStudioRefuses,
    LabelStudioUnavailable,
    QueueUnavailable,
)
from backend.logs import configure_logs
from backend.processes.courier_start import CourierStart
from backend.projects.changes import ProjectFollower
from backend.queue.away import Outage
from backend.queue.clock import RedisClock
from backend.queue.connection import connect, queue_errors, redis_url_of
from backend.queue.job_queue import job_queue
from backend.settings import Settings

__all__ = ["run_courier"]

log = structlog.get_logger()

#: How often it looks for owed tasks when there were none.
POLL_S = 0.5
#: After an error it waits so long, twice as long each time, up to the most.
BACK_OFF_S = 1.0
MOST_BACK_OFF_S = 30.0


def run_courier(settings: Settings, *, waits: bool = True) -> None:
    """Deliver until SIGTERM or SIGINT.

    Label Studio's address, our token for it and a model's folder are waited for, unless `waits` says not to:
    then it raises `SettingsError` or `ModelUnavailable`. Raises `SettingsError` without a Redis URL.
    """
    configure_logs(settings.log_level, settings.log_format)
    connection = connect(redis_url_of(settings), runs_in=settings.runs_in)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    needed = CourierStart(settings, connection, stop, waits=waits).needed()
    if needed is None:
        log.info("ended before it delivered")
        return
    with needed.api as api:
        queue, owed, predictors = (
            job_queue(settings, connection),
            OwedTasks(connection),
            needed.predictors,
        )
        follower = ProjectFollower(owed, api, predictors, settings)
        courier = Courier(
            owed=owed,
            failed=FailedTasks(connection),
            api=api,
            writer=PredictionWriter(
                api,
                Claims(connection),
                Turn(connection, writer_key(api.url), urgent=True),
                told=ProjectFigures(connection).stored,
            ),
            predictors=predictors,
            open_window=lambda: queue.queue.window(interactive=False, consumes=True),
            failure_ttl_s=settings.failure_ttl_s,
            stop=stop,
        )
        complaints = Complaints()
        pulse = _Pulse(connection, api.url, courier, RedisClock(connection))
        beating = threading.Thread(target=pulse.beat, args=(stop,), name="pulse", daemon=True)
        beating.start()
        queue.start()
        log.info("courier ready", label_studio=api.url)

        def round_() -> bool:
            if not pulse.at_work.is_set():
                with queue_errors():
                    connection.ping()  # while it is away, that is what is waited for
                return False
            with complaints.hearing():  # it is about no task that is owed
                follower.follow_changed()
            return courier.round()

        deliver(round_, stop, pulse.wait_for)
        queue.close()
        beating.join(POST_TTL_S)
    log.info("courier ended", **courier.counts)


def deliver(
    round_: Callable[[], bool], stop: threading.Event, say: Callable[[str | None], None]
) -> None:
    """Round after round until `stop`; `say` is told what is waited for, `None` when it is over.

    Whatever does not answer, or refuses our token, is waited out: a person mends it, and nothing that
    is owed is lost meanwhile.
    """
    back_off, waited_s = BACK_OFF_S, 0.0
    while not stop.is_set():
        try:
            worked = round_()
        except (
            LabelStudioUnavailable,
            LabelStudioRefuses,
            QueueUnavailable,
            redis.RedisError,
        ) as error:
            say(str(error) or type(error).__name__)
            log.error("delivery waits", reason=str(error), seconds=back_off)
            stop.wait(back_off)
            waited_s += back_off
            back_off = min(2 * back_off, MOST_BACK_OFF_S)
            continue
        say(None)
        if waited_s:
            log.info("delivery goes on", waited_s=waited_s)
        back_off, waited_s = BACK_OFF_S, 0.0
        if not worked:
            stop.wait(POLL_S)


@dataclass(slots=True)
class _Pulse:
    """Shows in Redis that the courier is alive, and what it waits for; `at_work` while no other delivers."""

    connection: redis.Redis
    label_studio_url: str
    courier: Courier
    clock: Callable[[], float]
    at_work: threading.Event = field(default_factory=threading.Event)
    _started_at: float | None = None
    _other: str | None = None
    _other_since: float = 0.0
    _said: bool = False
    _reason: str | None = None
    _done_then: int = 0

    def wait_for(self, reason: str | None) -> None:
        self._reason, self._done_then = reason, self.courier.counts.total()

    def card(self) -> CourierCard:
        counts, now = self.courier.counts, self.clock()
        if self._started_at is None:
            self._started_at = now
        return CourierCard(
            host=socket.gethostname(),
            pid=os.getpid(),
            label_studio_url=self.label_studio_url,
            started_at=self._started_at,
            seen_at=now,
            stored=counts["stored"],
            failed=counts["failed"] + counts["undeliverable"],
            # A round takes minutes: as soon as anything is done in it, nothing is waited for any more.
            waiting=self._reason if counts.total() == self._done_then else None,
        )

    def beat(self, stop: threading.Event) -> None:
        post, outage = Post(self.connection), Outage("sign of life")
        complaints = Complaints()
        while not stop.is_set():
            try:
                with queue_errors():
                    self._see(post.take(), post)
                outage.end()
                complaints.end()
            except ForeignValue as error:
                complaints.say(error)
            except QueueUnavailable as error:
                log.warning("no sign of life", reason=str(error))
                outage.begin()
            stop.wait(BEAT_S)
        with suppress(redis.RedisError):  # it runs out by itself
            post.leave()

    def _see(self, other: str | None, post: Post) -> None:
        """Deliver where no other courier does, else wait for its end."""
        if other is None:
            if self._other is not None:
                log.info("took over from another courier", courier=self._other)
            self._other, self._said = None, False
            self.at_work.set()
            write_card(self.connection, self.card())
            return
        self.at_work.clear()
        if other != self._other:
            self._other, self._other_since, self._said = other, time.monotonic(), False
        write_card(self.connection, replace(self.card(), stands_by=True))
        # One that was killed just now holds the post for a moment, and is not at work.
        if time.monotonic() - self._other_since > POST_TTL_S and not self._said:
            log.warning("another courier is at work; this one waits to take over", courier=other)
            self._said = True
