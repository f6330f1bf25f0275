"""How long an opened image waits: alone, and while a bulk run is under way."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from statistics import median

from rq import Queue

from backend.queue.keys import BULK_QUEUE
from tests.bench.effort import Effort
from tests.bench.figures import Figure, Target, alternate, percentile
from tests.bench.queue_lab import BASE_S, IMAGE_S, Lab, open_lab

__all__ = ["interactive_during_bulk"]

#: Images opened per second, at random (a Poisson process).
ARRIVALS_PER_S = 4.0
#: Bulk images that wait at any time.
WAITING = 2000
#: What an operator of this model would set: nine of its images in one bulk batch.
BATCH_LATENCY_S = 0.06


def interactive_during_bulk(effort: Effort) -> Iterator[Figure]:
    """The same arrivals with and without 2,000 bulk images waiting; p95 of what they waited."""
    latencies: dict[str, list[list[float]]] = {"during bulk": [], "unloaded": []}
    with open_lab() as lab:
        lab.start_worker(batch_latency_s=BATCH_LATENCY_S)
        lab.warm_up()

        def loaded(number: int) -> float:
            with _bulk_run(lab) as run:
                latencies["during bulk"].append(_waits(lab, _arrivals(number, effort.arrivals_s)))
            bulk.append(run.images_per_s)
            return percentile(latencies["during bulk"][-1], 0.95)

        def unloaded(number: int) -> float:
            latencies["unloaded"].append(_waits(lab, _arrivals(number, effort.arrivals_s)))
            return percentile(latencies["unloaded"][-1], 0.95)

        bulk: list[float] = []
        during, alone, ratio = alternate(effort.rounds, loaded, unloaded)
    medians = {name: 1000 * median(chain(*rounds)) for name, rounds in latencies.items()}
    yield Figure(
        "an opened image during a bulk run, p95",
        ratio,
        "x",
        f"{1000 * median(during):.0f} ms (p50 {medians['during bulk']:.0f}); unloaded: "
        f"{1000 * median(alone):.0f} ms (p50 {medians['unloaded']:.0f}). batch_latency "
        f"{1000 * BATCH_LATENCY_S:.0f} ms; bulk meanwhile {median(bulk):.0f} images/s",
        Target(2.5),
        {
            "p95_s": during,
            "unloaded_p95_s": alone,
            "waits_s": latencies,
            "bulk_images_per_s": bulk,
            "batch_latency_s": BATCH_LATENCY_S,
            "model_s": [BASE_S, IMAGE_S],
        },
    )


class BulkRun:
    """Keeps `WAITING` bulk images waiting, from a thread."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._queue = Queue(BULK_QUEUE, connection=lab.connection)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._feed)
        self._fed = 0
        self.images_per_s = 0.0

    def start(self) -> None:
        self._top_up()
        self._since, self._done_before = time.monotonic(), self._done()
        self._thread.start()

    def stop(self) -> None:
        """End the run: what waits then is dropped."""
        self._ended.set()
        self._thread.join()
        seconds = time.monotonic() - self._since
        self.images_per_s = (self._done() - self._done_before) / seconds
        self._queue.empty()

    def _feed(self) -> None:
        while not self._ended.wait(0.25):
            self._top_up()

    def _top_up(self) -> None:
        missing = WAITING - self._queue.count
        if missing > 0:
            self._lab.queue.ask(self._lab.fresh(missing), interactive=False, wait_s=0)
            self._fed += missing

    def _done(self) -> int:
        return self._fed - self._queue.count


@contextmanager
def _bulk_run(lab: Lab) -> Iterator[BulkRun]:
    run = BulkRun(lab)
    run.start()
    try:
        yield run
    finally:
        run.stop()


def _arrivals(seed: int, seconds: float) -> list[float]:
    """When images are opened, in seconds from the start: the same for both sides of a round."""
    chance, at = random.Random(seed), 0.0
    arrivals = []
    while (at := at + chance.expovariate(ARRIVALS_PER_S)) < seconds:
        arrivals.append(at)
    return arrivals


def _waits(lab: Lab, arrivals: Sequence[float]) -> list[float]:
    """Seconds that each opened image waited, whoever else still waits."""
    started = time.monotonic()
    with ThreadPoolExecutor(64) as people:
        asked = []
        for at in arrivals:
            time.sleep(max(0.0, started + at - time.monotonic()))
            asked.append(people.submit(lab.ask_one))
        return [each.result() for each in asked]
