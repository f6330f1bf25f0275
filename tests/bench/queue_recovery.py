"""How long a dead worker's images wait: SIGKILL with a batch in hand, until all of it is answered."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import cast

from rq import Queue, Worker

from backend.queue.keys import INTERACTIVE_QUEUE
from tests.bench.effort import Effort
from tests.bench.figures import Figure, Target
from tests.bench.queue_lab import Lab, open_lab

__all__ = ["recovery"]

LEASE_S = 4
IMAGES = 160
#: Jobs that one worker must hold to be killed: a whole batch.
IN_HAND = 16
#: Kills that came too late, so that nothing was held any more, are tried again.
MOST_TRIES = 5


def recovery(effort: Effort) -> Iterator[Figure]:
    """Two workers; one is killed while it holds a batch; the other takes it over."""
    kills: list[dict[str, float]] = []
    with open_lab() as lab:
        for _ in range(2):
            lab.start_worker(lease_s=LEASE_S)
        lab.warm_up()
        for _ in range(MOST_TRIES * effort.kills):
            held, seconds = _kill_one(lab)
            if held:
                kills.append({"held": held, "seconds": seconds})
            if len(kills) == effort.kills:
                break
            lab.start_worker(lease_s=LEASE_S)
            lab.warm_up()
    seconds_each = [kill["seconds"] for kill in kills]
    yield Figure(
        f"all answered after SIGKILL of a worker, worst of {len(kills)}",
        max(seconds_each),
        " s",
        f"median {median(seconds_each):.1f} s; the lease is {LEASE_S} s, and "
        f"{median(kill['held'] for kill in kills):.0f} images were in hand",
        Target(LEASE_S + 5),
        {"lease_s": LEASE_S, "kills": kills},
    )


def _kill_one(lab: Lab) -> tuple[int, float]:
    """How many images the victim held, and the seconds from its end until all were answered."""
    requests = lab.fresh(IMAGES)
    with ThreadPoolExecutor(1) as client:
        asked = client.submit(lab.ask, requests)
        while not asked.done():
            holders = _holders(lab)
            name, held = max(holders.items(), key=lambda item: item[1], default=("", 0))
            if held >= IN_HAND:
                lab.kill(_pid(lab, name))
                killed_at = time.monotonic()
                held = _holders(lab)[name]
                asked.result()
                return held, time.monotonic() - killed_at
        asked.result()
    return 0, 0.0


def _holders(lab: Lab) -> Counter[str]:
    """How many started jobs each worker holds, by its name."""
    registry = Queue(INTERACTIVE_QUEUE, connection=lab.connection).started_job_registry
    with lab.connection.pipeline(transaction=False) as pipeline:
        for entry in cast("list[bytes]", lab.connection.zrange(registry.key, 0, -1)):
            pipeline.hget(f"rq:job:{entry.decode().rpartition(':')[0]}", "worker_name")
        names = pipeline.execute()
    return Counter(name.decode() for name in names if name)


def _pid(lab: Lab, name: str) -> int:
    workers = Worker.all(connection=lab.connection)
    return next(worker.pid for worker in workers if worker.name == name and worker.pid)
