"""Downloads on their way, each in a thread: slow places keep nobody else waiting. Knows nothing of Redis.

A place, such as a web server, is asked for a few images at once. Where some of these have been under way
for long, it is slow: no more is asked of it until they end, and what waits for it is handed back.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

__all__ = ["Fetched", "Fetches"]

T = TypeVar("T", bound=Hashable)

#: Images that one place is asked for at the same time.
AT_ONCE = 8
#: An image that is not here after this may take any time: others are taken meanwhile.
SOON_S = 0.25
#: An image that takes longer than this is slow; with so many of them its place is asked for no more.
SLOW_S = 2.0
SLOW_AT_ONCE = 4


@dataclass(frozen=True, slots=True, eq=False)
class Fetched(Generic[T]):
    """What came of one download: the handler's item, or the error; and how long it took."""

    job: T
    item: Any
    error: Exception | None
    seconds: float
    #: When it was here, in monotonic seconds.
    at: float


@dataclass(frozen=True, slots=True)
class _Active:
    place: str
    since: float


class Fetches(Generic[T]):
    """Up to `most` downloads at once, over all places. Safe to share between threads."""

    def __init__(
        self,
        fetch: Callable[[T], Any],
        done: Callable[[Fetched[T]], None],
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fetch` is called in a thread of its own, and `done` with what came of it."""
        self._fetch, self._done, self._most, self._clock = fetch, done, most, clock
        self._lock = threading.Lock()
        self._active: dict[T, _Active] = {}
        self._lines: defaultdict[str, deque[T]] = defaultdict(deque)

    def add(self, job: T, place: str) -> None:
        """Fetch this too. An empty place is none that could be slow, such as the job itself."""
        with self._lock:
            self._lines[place].append(job)
            self._begin(place, self._clock())

    def advance(self) -> list[T]:
        """Begin what may begin; gives back the jobs that wait for slow places, which are dropped here."""
        now, dropped = self._clock(), list[T]()
        with self._lock:
            for place in list(self._lines):
                self._begin(place, now)
                if self._is_slow(place, now):
                    dropped += self._lines.pop(place, ())
        return dropped

    def _begin(self, place: str, now: float) -> None:
        line = self._lines[place]
        while line and self._may_begin(place, now):
            job = line.popleft()
            self._active[job] = _Active(place, now)
            threading.Thread(target=self._run, args=(job, now), daemon=True).start()
        if not line:
            del self._lines[place]

    def drop_all(self) -> list[T]:
        """Want none of them any more; gives them back. Downloads that are under way end unheard."""
        with self._lock:
            dropped = [*self._active, *(job for line in self._lines.values() for job in line)]
            self._active.clear()
            self._lines.clear()
            return dropped

    @property
    def fresh(self) -> int:
        """Downloads that may be here soon: those just begun, and those that wait for a place."""
        now = self._clock()
        with self._lock:
            quick = sum(now - one.since < SOON_S for one in self._active.values())
            return quick + sum(map(len, self._lines.values()))

    @property
    def room(self) -> int:
        """How many more may be under way."""
        with self._lock:
            return self._most - len(self._active) - sum(map(len, self._lines.values()))

    def __len__(self) -> int:
        with self._lock:
            return len(self._active) + sum(map(len, self._lines.values()))

    def _may_begin(self, place: str, now: float) -> bool:
        if len(self._active) >= self._most:
            return False
        if not place:
            return True
        here = sum(one.place == place for one in self._active.values())
        return here < AT_ONCE and not self._is_slow(place, now)

    def _is_slow(self, place: str, now: float) -> bool:
        ages = [now - one.since for one in self._active.values() if one.place == place]
        return bool(place) and sum(age >= SLOW_S for age in ages) >= SLOW_AT_ONCE

    def _run(self, job: T, since: float) -> None:
        item, error = None, None
        try:
            item = self._fetch(job)
        except Exception as raised:  # noqa: BLE001 - whatever it is, it is this job's alone
            error = raised
        with self._lock:
            wanted = job in self._active
        if wanted:
            now = self._clock()
            # Before it is forgotten here: at no moment is it in nobody's hands.
            self._done(Fetched(job, item, error, now - since, now))
        with self._lock:
            self._active.pop(job, None)
