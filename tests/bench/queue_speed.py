"""How fast the queue is: many clients at once, two workers, and what submitting and hits cost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.effort import Effort
from tests.bench.figures import Figure, Target, alternate, percentile
from tests.bench.queue_lab import BASE_S, IMAGE_S, Lab, images_per_s, open_lab
from tests.bench.stock import StockClient

__all__ = ["same_image", "submitting", "throughput", "two_workers"]

CLIENTS = 32
TASKS = 3000
BULK = 1500


def throughput(effort: Effort) -> Iterator[Figure]:
    """32 clients, one image per request, each asking again when it has its answer."""
    with open_lab() as lab:
        lab.start_worker()
        _start_stock(lab)
        stock = StockClient(lab.connection)
        lab.warm_up()

        def ask_stock() -> None:
            (request,) = lab.fresh(1).items()
            stock.ask(*request)

        ours, theirs, ratio = alternate(
            effort.rounds,
            lambda _: images_per_s(lab.ask_one, clients=CLIENTS, seconds=effort.seconds),
            lambda _: images_per_s(ask_stock, clients=CLIENTS, seconds=effort.seconds),
        )
    yield Figure(
        f"throughput, {CLIENTS} clients with one image each",
        ratio,
        "x",
        f"{median(ours):.0f} images/s; stock RQ SimpleWorker, a job per image: {median(theirs):.0f}",
        Target(4.0, at_least=True),
        {"images_per_s": ours, "stock_images_per_s": theirs},
    )


def two_workers(effort: Effort) -> Iterator[Figure]:
    """The same number of waiting images, worked off by one worker and by two."""

    def rate(workers: int) -> float:
        with open_lab() as lab:
            for _ in range(workers):
                lab.start_worker()
            lab.warm_up(300 * workers)
            return BULK / lab.ask(lab.fresh(BULK), interactive=False)

    two, one, ratio = alternate(effort.rounds, lambda _: rate(2), lambda _: rate(1))
    yield Figure(
        "two workers, model asleep",
        ratio,
        "x",
        f"{median(two):.0f} images/s; one worker: {median(one):.0f}",
        Target(1.8, at_least=True),
        {"images": BULK, "two_images_per_s": two, "one_images_per_s": one},
    )


def submitting(effort: Effort) -> Iterator[Figure]:
    """3,000 tasks in one request, with no worker; then asked again when all are answered."""
    with open_lab() as lab:
        stock = StockClient(lab.connection)
        lab.queue.ask(lab.fresh(1), interactive=False, wait_s=0)
        batches = [lab.fresh(TASKS) for _ in range(2 * effort.rounds)]

        def submit(number: int) -> float:
            started = time.monotonic()
            lab.queue.ask(batches[2 * number], interactive=False, wait_s=0)
            return time.monotonic() - started

        def submit_to_stock(number: int) -> float:
            started = time.monotonic()
            for job_id, request in batches[2 * number + 1].items():
                stock.enqueue(job_id, request)
            return time.monotonic() - started

        ours, theirs, ratio = alternate(effort.rounds, submit, submit_to_stock)
    yield Figure(
        f"{TASKS} tasks in one request are accepted",
        median(ours),
        " s",
        f"{1000 * median(ours) / TASKS:.2f} ms each; stock RQ's enqueue, one by one: "
        f"{median(theirs):.1f} s ({1 / ratio:.1f}x)",
        Target(2.0),
        {"seconds": ours, "stock_seconds": theirs},
    )


def same_image(effort: Effort) -> Iterator[Figure]:
    """64 requests for one image at once; then the same image again and again, answered from Redis."""
    with open_lab() as lab:
        record = lab.folder / "record"
        lab.start_worker(record=record)
        lab.warm_up(32)
        inferences = [_inferences(lab, record) for _ in range(effort.rounds)]
        known = lab.fresh(1)
        lab.ask(known)
        hits, pings, _ = alternate(
            50 * effort.rounds, lambda _: lab.ask(known), lambda _: _ping_s(lab)
        )
    yield Figure(
        "inferences for 64 identical requests at once",
        max(inferences),
        "",
        "64 without de-duplication",
        Target(1.0),
        {"inferences": inferences},
    )
    yield Figure(
        "an answer that is known already, p50",
        1000 * median(hits),
        " ms",
        f"p95 {1000 * percentile(hits, 0.95):.1f} ms; a round trip to Redis: "
        f"{1000 * median(pings):.2f} ms",
        None,
        {"seconds": hits, "ping_seconds": pings},
    )


def _start_stock(lab: Lab) -> None:
    cost = ("--base-s", str(BASE_S), "--image-s", str(IMAGE_S))
    lab.start("tests.bench.stock", "--redis", lab.url, *cost)


def _inferences(lab: Lab, record: Path) -> int:
    """How often the model was asked about one image that 64 clients asked for at the same time."""
    requests = lab.fresh(1)
    (request,) = requests.values()
    name = request.image.location.rsplit("/", 1)[-1]
    threads = [threading.Thread(target=lab.ask, args=(requests,)) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return record.read_text().split().count(name)


def _ping_s(lab: Lab) -> float:
    started = time.monotonic()
    lab.connection.ping()
    return time.monotonic() - started
