"""Asks about many images at once, each in as many rounds as it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from backend.delivery.pipeline import TICK_S, WindowLike
from backend.indexing.wanted import Visit
from backend.inference.batch import Prepared
from backend.inference.local_batches import LocalBatches
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Outcome, request_id
from backend.vectors.records import FailedItem, IndexedImage

__all__ = ["LocalWindow", "visited"]

#: Images under way at once: an answer with its crops may take some hundred kB.
IN_FLIGHT = 100


def visited(
    visits: Iterable[Visit], window: WindowLike, fingerprint: str
) -> Iterator[tuple[Visit, IndexedImage | FailedItem] | None]:
    """Each image with what became of it, in any order; `None` now and then while it waits."""
    source, exhausted, under_way = iter(visits), False, 0
    waiting: dict[str, list[Visit]] = {}

    def ask(visit: Visit, request: ModelRequest) -> None:
        job = request_id(request, fingerprint)
        waiting.setdefault(job, []).append(visit)
        window.add({job: request})

    while not exhausted or under_way:
        while not exhausted and under_way < IN_FLIGHT:
            visit = next(source, None)
            if visit is None:
                exhausted = True
            else:
                under_way += 1
                ask(visit, visit.asks)
        yield None
        for job, outcome in window.collect(TICK_S).items():
            for visit in waiting.pop(job, ()):
                found = visit.heard(outcome)
                if isinstance(found, ModelRequest):
                    ask(visit, found)
                else:
                    under_way -= 1
                    yield visit, found


class LocalWindow:
    """A window onto models in this process: the next batch is read while one runs."""

    def __init__(self, batches: LocalBatches) -> None:
        self._batches = batches
        self._waiting: dict[str, ModelRequest] = {}
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._reading: Future[Prepared[str]] | None = None

    def __enter__(self) -> LocalWindow:
        return self

    def __exit__(self, *raised: object) -> None:
        self._ahead.shutdown(cancel_futures=True)

    def add(self, requests: Mapping[str, ModelRequest]) -> None:
        """Answer these, too."""
        self._waiting.update(requests)

    def collect(self, wait_s: float) -> dict[str, Outcome]:
        """The outcomes of the next batch; none where nothing waits. Raises `InferenceFailed`."""
        reading = self._reading or self._read()
        self._reading = self._read()
        return {} if reading is None else self._batches.run(reading.result())

    def _read(self) -> Future[Prepared[str]] | None:
        jobs = list(self._waiting)[: self._batches.size]
        if not jobs:
            return None
        requests = [self._waiting.pop(job) for job in jobs]
        return self._ahead.submit(self._batches.read, jobs, requests)
