"""What a worker has in hand before its models run: jobs taken, fetched, begun and decoded, all at once.

    take (leased) -> fetch, each in its thread -> begin -> decode -> ready, one batch for each queue

Nothing waits for the slowest: a batch is made of what is here, and opened images overtake at every step.
A job is begun, and so held to account if the process ends, only when its bytes are here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import redis
import structlog
from rq import Queue

from backend.inference.batch import BatchRunner, Handler, Prepared
from backend.inference.batch_size import BatchSizer
from backend.queue.away import is_away
from backend.queue.fetches import Fetched, Fetches
from backend.queue.finish import persist
from backend.queue.lane import Lane, payload_of, timeout_s
from backend.queue.leases import Leases
from backend.queue.take import Taken, Taker

__all__ = ["Intake"]

log = structlog.get_logger()

#: Downloads at once for one queue. Opened images have threads of their own.
DOWNLOADS = 48
#: How often it looks into the queues while it has anything in hand.
LOOK_S = 0.05
#: What waits for a place that is slow is looked at again after this.
PUT_OFF_S = 10.0
REDIS_AWAY_S = 0.5


class Intake:
    """The jobs that a worker has in hand. `queues`: the most urgent first."""

    def __init__(
        self,
        taker: Taker,
        leases: Leases,
        handler: Handler,
        sizer: BatchSizer,
        queues: Sequence[Queue],
        *,
        most_pixels: int,
        fetch_s: float,
        may_take: Callable[[], bool],
    ) -> None:
        """Without `may_take` what was not begun is given back. A download ends of itself in `fetch_s`."""
        self._fetch_s = fetch_s
        self._taker, self._leases, self._handler, self._sizer = taker, leases, handler, sizer
        self._most_pixels, self._may_take = most_pixels, may_take
        self._changed = threading.Condition()
        self._news = False
        self._running = False
        self._looking = False
        #: The suspect that is being begun or run: nothing else is meanwhile.
        self._alone: Taken | None = None
        self._broken: BaseException | None = None
        self._lanes = [self._lane(queue) for queue in queues]

    def _lane(self, queue: Queue) -> Lane:
        return Lane(
            queue,
            Fetches(self._fetch, self._arrived, DOWNLOADS),
            BatchRunner(self._handler),
            ThreadPoolExecutor(1, thread_name_prefix=f"decode-{queue.name}"),
        )

    def start(self) -> None:
        """Start its thread, which ends with the process."""
        threading.Thread(target=self._feed, name="intake", daemon=True).start()

    # -- the worker's side ------------------------------------------------------------------------

    def add(self, batch: Sequence[Taken]) -> None:
        """Have these too, whose leases are held."""
        for taken in batch:
            lane = next(lane for lane in self._lanes if lane.queue.name == taken.queue.name)
            lane.fetches.add(taken, self._handler.place(payload_of(taken.job)))
        self._tell()

    @property
    def is_empty(self) -> bool:
        """Whether it has nothing in hand, and takes nothing more by itself."""
        with self._changed:
            return self._is_empty()

    def _is_empty(self) -> bool:
        return not (self._running or self._looking or self._holds)

    @property
    def _holds(self) -> bool:
        return any(lane.holds + len(lane.fetches) for lane in self._lanes)

    def next(self, wait_s: float) -> Prepared[Taken] | None:
        """The batch to run now, the most urgent first; `None` when there is none within `wait_s`.

        Call `done` when it has been run. Raises what ended the intake's thread.
        """
        until = time.monotonic() + wait_s
        with self._changed:
            while True:
                if self._broken is not None:
                    raise self._broken
                for lane in self._lanes:
                    if lane.ready is not None:
                        prepared, lane.ready, self._running = lane.ready, None, True
                        self._hint()
                        return prepared
                left = until - time.monotonic()
                if left <= 0 or not (self._looking or self._holds):
                    return None
                self._changed.wait(left)

    def done(self, prepared: Prepared[Taken]) -> None:
        """The batch was run, and its outcomes are stored."""
        with self._changed:
            self._running = False
            if self._alone in prepared.jobs:
                self._alone = None
            self._hint()

    # -- downloads --------------------------------------------------------------------------------

    def _fetch(self, taken: Taken) -> Any:
        # Only for one that hangs: by its own bound it ends as an image that was not reached, which costs
        # nobody the loaded models.
        with self._leases.deadline(timeout_s([taken]) + self._fetch_s, [taken]):
            return self._handler.fetch(payload_of(taken.job))

    def _arrived(self, fetched: Fetched[Taken]) -> None:
        with self._changed:
            for lane in self._lanes:
                if lane.queue.name == fetched.job.queue.name:
                    lane.fetched.append(fetched)
            self._hint()

    # -- its thread -------------------------------------------------------------------------------

    def _feed(self) -> None:
        try:
            while True:
                try:
                    acted = self._step()
                except redis.RedisError as error:
                    if not is_away(error):
                        raise
                    log.error("taking ahead", error=type(error).__name__)
                    time.sleep(REDIS_AWAY_S)
                    continue
                with self._changed:
                    if not (acted or self._news):
                        self._changed.wait(None if self._is_empty() else LOOK_S)
                    self._news = False
        except BaseException as error:  # noqa: BLE001 - the worker's main thread raises it
            self._break(error)

    def _step(self) -> bool:
        """Do what can be done now; whether that was anything."""
        if self.is_empty:
            return False
        acted = False
        if self._may_take():
            for lane in self._lanes:
                acted |= self._take(lane)
        else:
            self._give_back()
        for lane in self._lanes:
            late = lane.fetches.advance()
            self._leases.release(late)
            if late:
                self._taker.give_back(late, PUT_OFF_S)
        for lane in self._lanes:
            acted |= self._begin(lane)
        return acted

    def _take(self, lane: Lane) -> bool:
        with self._changed:
            room = min(self._sizer.size - lane.fetches.fresh - len(lane.fetched), lane.fetches.room)
            if room <= 0 or self._is_empty():
                return False
            self._looking = True
        batch: list[Taken] = []
        try:
            batch = self._taker.take(room, [lane.queue])
            if batch:
                self._leases.hold(batch)
                self.add(batch)
        finally:
            with self._changed:
                self._looking = False
                self._changed.notify_all()
        return bool(batch)

    def _give_back(self) -> None:
        """What was not begun goes to the others at once."""
        back: list[Taken] = []
        for lane in self._lanes:
            back += lane.fetches.drop_all()
            with self._changed:
                back += [one.job for one in lane.fetched]
                lane.fetched.clear()
        if back:
            self._leases.release(back)
            persist(lambda: self._taker.give_back(back))
            with self._changed:
                self._changed.notify_all()

    def _begin(self, lane: Lane) -> bool:
        with self._changed:
            if lane.decoding or lane.ready is not None:
                return False
            picked = [] if lane.begun else self._pick(lane)
            if not picked and not lane.begun:
                return False
            lane.decoding = True
        batch = [one.job for one in picked]
        try:
            begun = set(persist(lambda: self._taker.begin(batch))) if batch else set()
        except redis.RedisError:
            with self._changed:
                lane.fetched.extendleft(reversed(picked))
                lane.decoding = False
                self._alone = None if self._alone in batch else self._alone
            raise
        self._leases.release([taken for taken in batch if taken not in begun])
        with self._changed:
            lane.begun.extend(one for one in picked if one.job in begun)
            if not lane.begun:
                lane.decoding = False
                self._alone = None if self._alone in batch else self._alone
                self._changed.notify_all()
                return True
        lane.decoder.submit(self._decode, lane)
        return True

    def _pick(self, lane: Lane) -> list[Fetched[Taken]]:
        """What to begin now. A suspect is begun alone, when nothing else is; call with the lock held."""
        if self._alone is not None:
            return []
        suspect = next(
            (one for each in self._lanes for one in each.fetched if one.job.suspect), None
        )
        if suspect is not None:
            if (
                suspect not in lane.fetched
                or self._running
                or any(each.is_begun for each in self._lanes)
            ):
                return []
            lane.fetched.remove(suspect)
            self._alone = suspect.job
            return [suspect]
        return lane.here(self._sizer.size)

    def _decode(self, lane: Lane) -> None:
        """In the lane's own thread: as many of the begun images as fit into one batch's pixels."""
        try:
            batch = lane.fitting(self._handler.pixels, self._most_pixels)
            failed = [(one.job, one.error) for one in batch if one.error is not None]
            good = [one for one in batch if one.error is None]
            jobs = [one.job for one in good]
            with self._leases.deadline(timeout_s([one.job for one in batch]), jobs):
                prepared = lane.runner.prepare(jobs, [one.item for one in good])
            prepared.jobs = [one.job for one in batch]
            prepared.failed += failed
            prepared.seconds += max(one.seconds for one in batch)
            with self._changed:
                lane.ready, lane.decoding = prepared, False
                self._hint()
        except BaseException as error:  # noqa: BLE001 - the worker's main thread raises it
            self._break(error)

    # -- telling ----------------------------------------------------------------------------------

    def _hint(self) -> None:
        """Something changed; call with the lock held."""
        self._news = True
        self._changed.notify_all()

    def _tell(self) -> None:
        with self._changed:
            self._hint()

    def _break(self, error: BaseException) -> None:
        log.error("the intake ended", error=repr(error), exc_info=error)
        with self._changed:
            self._broken = error
            self._changed.notify_all()
