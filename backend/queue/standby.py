"""A worker that is there and cannot work yet: it shows itself in Redis, and says what it waits for.

To end instead would have it started again and again, with nobody told why.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from uuid import uuid4

import redis
import structlog

from backend.errors import QueueUnavailable
from backend.queue.clock import RedisClock
from backend.queue.connection import queue_errors
from backend.queue.readiness import LOADING
from backend.queue.vitals import Vitals

__all__ = ["Standby", "ended_by_signals"]

log = structlog.get_logger()

WAITING = "waiting"


def ended_by_signals() -> None:
    """From now on SIGTERM and SIGINT end this process at once, with 0: there is no work to finish.

    The worker's own handlers take their place when it begins to work.
    """

    def end(signum: int, frame: FrameType | None) -> None:
        log.info("ended before it worked", signal=signal.Signals(signum).name)
        sys.exit(0)

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, end)


class Standby:
    """A context manager: within, a card of this worker stands in Redis, while Redis answers.

    `hand_over` leaves the card, for the worker of the same name to renew it.
    """

    def __init__(self, connection: redis.Redis, *, model: str, device: str, ttl_s: int) -> None:
        self.name = uuid4().hex
        self._connection = connection
        self._about = {"model": model, "device": device}
        self._ttl_s = ttl_s
        self._said = (LOADING, "begins", "")
        self._vitals: Vitals | None = None
        self._handed_over = False
        self._news, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name="standby", daemon=True)

    def __enter__(self) -> Standby:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._end()
        if self._vitals is not None and not self._handed_over:
            try:
                self._vitals.retire(self._connection)
            except redis.RedisError as failed:
                log.warning("could not sign off", error=type(failed).__name__)

    def loads(self) -> None:
        """Say that the models are being loaded."""
        self._say(LOADING, "loads its models", "")

    def waits(self, waits_for: str, remedy: str) -> None:
        """Say what is waited for, as the end of a sentence about this worker, and how it comes."""
        self._say(WAITING, waits_for, remedy)

    def hand_over(self) -> str:
        """End, but leave the card to the worker that takes this name."""
        self._handed_over = True
        self._end()
        return self.name

    def _say(self, state: str, waits_for: str, remedy: str) -> None:
        if (state, waits_for, remedy) == self._said:
            return
        self._said = (state, waits_for, remedy)
        if state == WAITING:
            log.warning("waiting", reason=waits_for, remedy=remedy)
        self._news.set()

    def _end(self) -> None:
        self._over.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def _beat(self) -> None:
        away = False
        while not self._over.is_set():
            self._news.clear()
            try:
                with queue_errors():
                    self._show()
            except QueueUnavailable as error:
                if not away:
                    log.error("waiting for redis", reason=str(error))
                away = True
            else:
                away = False
            self._news.wait(self._ttl_s / 9)

    def _show(self) -> None:
        if self._vitals is None:  # its clock is Redis's, which may not be there yet
            self._vitals = Vitals(
                self.name, **self._about, ttl_s=self._ttl_s, clock=RedisClock(self._connection)
            )
        vitals = self._vitals
        vitals.state, vitals.waits_for, vitals.remedy = self._said
        with self._connection.pipeline() as pipeline:
            vitals.publish(pipeline)
            pipeline.execute()
