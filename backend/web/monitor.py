"""The queue as last seen: a thread looks every second, so that `/health` and `/ready` never wait for Redis."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import redis
import structlog
from rq import Queue

from backend.errors import ForeignValue, QueueRefused, QueueUnavailable
from backend.place import how_to_see_redis
from backend.queue.clock import RedisClock
from backend.queue.connection import queue_errors
from backend.queue.heads import HeadShelf
from backend.queue.keys import QUEUES
from backend.queue.readiness import NotReady, not_ready
from backend.review.kept_report import KeptReports
from backend.review.loop_runs import KeptLoopRuns
from backend.status.installation import InstallationSign
from backend.status.overview import Overview
from backend.status.reading import read_overview, read_workers

__all__ = ["QueueMonitor", "QueueState"]

log = structlog.get_logger()

#: A look that is older than this holds no longer: Redis hangs, and the next look waits for it.
OLD_S = 3.0
#: What is known of Redis before it was looked at, and while it hangs; how to see to it follows.
NO_REDIS = NotReady("Redis does not answer")


@dataclass(frozen=True, slots=True)
class QueueState:
    """Whether Redis answered, how many jobs wait in each queue, how many workers take images.

    `unready` says why no image would be predicted now; `None` when one would.
    """

    redis_up: bool = False
    depths: dict[str, int] = field(default_factory=dict)
    workers: int = 0
    unready: NotReady | None = NO_REDIS


class QueueMonitor:
    """Looks at Redis from `start()` to `close()`; `state` is the last look. `runs_in`: see `place`.

    With a `sign` it is shown in Redis meanwhile.
    """

    def __init__(
        self,
        connection: redis.Redis,
        *,
        runs_in: str = "host",
        interval_s: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
        sign: InstallationSign | None = None,
        heads: HeadShelf | None = None,
    ) -> None:
        """`heads`: where what was learned is looked for, which `overview` tells of then."""
        self.state = QueueState()
        #: What people made of predictions, read from the same Redis.
        self.reports = KeptReports(connection)
        self.loop = KeptLoopRuns(connection)
        self._connection = connection
        self._runs_in = runs_in
        self._heads = heads
        self._clock = RedisClock(connection)
        self._interval_s = interval_s
        self._sign = sign
        self._monotonic = monotonic
        self._looked_at = monotonic()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="queue-monitor", daemon=True)

    def start(self) -> None:
        """Look once, then go on looking."""
        self._note(self._look())
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)
        if self._sign is not None:
            self._sign.take_down()

    @property
    def unready(self) -> NotReady | None:
        """Why no image would be predicted now; `None` when one would. Known at once, without I/O."""
        if self._monotonic() - self._looked_at > OLD_S + self._interval_s:
            return NotReady(NO_REDIS.reason, how_to_see_redis(self._runs_in))
        return self.state.unready

    def overview(self) -> Overview:
        """All that a status tells, read now; when Redis does not answer, that and why. Waits for Redis."""
        try:
            return read_overview(self._connection, runs_in=self._runs_in, heads=self._heads)
        except QueueUnavailable as error:
            return Overview.without_redis(str(error))

    def _watch(self) -> None:
        while not self._closed.wait(self._interval_s):
            before = self.state
            try:
                self._note(self._look())
            except Exception:  # without this thread `/ready` would never change again
                log.exception("queue not looked at, the last state is kept")
                self._note(before)
            if before.redis_up != self.state.redis_up:
                log.warning("redis", up=self.state.redis_up)
            if before.unready != self.state.unready:
                _log_readiness(self.state.unready)

    def _note(self, state: QueueState) -> None:
        self.state, self._looked_at = state, self._monotonic()
        if self._sign is not None and state.redis_up and not self._closed.is_set():
            self._sign.renew()

    def _look(self) -> QueueState:
        try:
            with queue_errors(), self._connection.pipeline(transaction=False) as pipeline:
                for name in QUEUES:
                    pipeline.llen(f"{Queue.redis_queue_namespace_prefix}{name}")
                depths = pipeline.execute()
                now, cards = self._clock(), read_workers(self._connection)
        except QueueUnavailable as error:
            # The message ends with what to do.
            answers = isinstance(error, ForeignValue | QueueRefused)
            return QueueState(redis_up=answers, unready=NotReady(error.reason, error.remedy))
        able = [card for card in cards if card.takes_images(now)]
        return QueueState(
            True,
            dict(zip(QUEUES, depths, strict=True)),
            len(able),
            not_ready(cards, now, self._runs_in),
        )


def _log_readiness(unready: NotReady | None) -> None:
    if unready is None:
        log.info("ready")
    else:
        log.warning("not ready", reason=unready.reason, remedy=unready.remedy)
