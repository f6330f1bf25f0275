"""Waiting out what does not answer, with a word about it, for as long as it takes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import redis
import structlog

from backend.errors import LabelStudioUnavailable, QueueUnavailable

__all__ = ["Abandoned", "Patience"]

log = structlog.get_logger()

T = TypeVar("T")

BACK_OFF_S = 1.0
MOST_BACK_OFF_S = 30.0


class Abandoned(Exception):
    """The run was stopped while this waited; never leaves the run."""


class Patience:
    """Calls again what may be called again. Safe to share between threads."""

    def __init__(self, say: Callable[[str], None], *, back_off_s: float = BACK_OFF_S) -> None:
        """`say` is told what is waited for, and an empty text when it is over. `back_off_s`: the first wait."""
        self._say, self._back_off_s = say, back_off_s
        self._stop = threading.Event()

    def stop(self) -> None:
        """Wait no more: what waits now raises `Abandoned`."""
        self._stop.set()

    def insist(self, call: Callable[[], T]) -> T:
        """What `call` gives, as soon as Label Studio and Redis answer.

        Raises `Abandoned` once it was stopped, and whatever else the call raises.
        """
        back_off, waited = self._back_off_s, False
        while True:
            try:
                result = call()
            except (LabelStudioUnavailable, QueueUnavailable, redis.RedisError) as error:
                log.debug("waiting", reason=str(error), seconds=back_off)
                self._say(f"waiting: {error}")
                waited = True
                if self._stop.wait(back_off):
                    raise Abandoned from error
                back_off = min(2 * back_off, MOST_BACK_OFF_S)
                continue
            if waited:
                self._say("")
            return result

    def rest(self, seconds: float) -> None:
        """Do nothing for so long. Raises `Abandoned` once it was stopped."""
        if self._stop.wait(seconds):
            raise Abandoned
