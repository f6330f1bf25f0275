"""Whether memory stays flat: Redis and a worker, over tens of thousands of images that cost nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from rq import Queue

from backend.queue.keys import BULK_QUEUE, PREFIX
from tests.bench.effort import Effort
from tests.bench.figures import Figure, Target
from tests.bench.process_costs import resident_mib
from tests.bench.queue_lab import Lab, open_lab

__all__ = ["memory"]

#: Images in flight, and images between two looks.
WINDOW = 2000
BLOCK = 10_000
MIB = 1024 * 1024


def memory(effort: Effort) -> Iterator[Figure]:
    """`used_memory` and resident memory after each block of images, against those after the first.

    Finished images leave an answer and RQ's record, both with an expiry: a matter of settings, and of
    how fast this machine is. So before each look what has an expiry is removed, as time would do; what
    then grows has none, and would grow for ever.
    """
    looks: list[dict[str, object]] = []
    block = min(BLOCK, effort.memory_images // 5)
    with open_lab() as lab:
        worker = lab.start_worker(base_s=0.0, image_s=0.0)
        lab.warm_up()
        started = time.monotonic()
        for _ in range(effort.memory_images // block):
            for _ in range(block // WINDOW or 1):
                lab.ask(lab.fresh(min(WINDOW, block)), interactive=False)
            looks.append(_look(lab, worker.pid))
        seconds = time.monotonic() - started
    rate = effort.memory_images / seconds
    for title, key in (("Redis", "redis_mib"), ("the worker", "worker_mib")):
        values = [float(str(look[key])) for look in looks]
        yield Figure(
            f"memory of {title} after {effort.memory_images} images",
            values[-1] / values[0],
            "x",
            f"{values[-1]:.1f} MiB; after {block} images: {values[0]:.1f}"
            + (f". {rate:.0f} images/s with a model that costs nothing" if key[0] == "r" else ""),
            Target(1.1),
            {"looks": looks, "images_per_s": rate},
        )


def _look(lab: Lab, pid: int) -> dict[str, object]:
    """Memory now, and what is left in Redis when that which expires is gone."""
    before = lab.connection.info("memory")["used_memory"]
    expired = _expire(lab)
    time.sleep(1)  # for Redis to shrink its tables
    return {
        "redis_mib": lab.connection.info("memory")["used_memory"] / MIB,
        "redis_before_expiry_mib": before / MIB,
        "expired_keys": expired,
        "left": dict(_kinds(lab)),
        "worker_mib": resident_mib(pid),
    }


def _expire(lab: Lab) -> int:
    """Remove what would go by itself: answers, RQ's records of jobs, and their registry's entries."""
    ours = (f"{PREFIX}result:", f"{PREFIX}waiters:", "rq:job:", "rq:execution:", "rq:executions:")
    expired = 0
    for key in lab.connection.scan_iter(count=1000):
        if key.decode().startswith(ours) and lab.connection.pttl(key) >= 0:
            expired += int(lab.connection.unlink(key))
    registry = Queue(BULK_QUEUE, connection=lab.connection).finished_job_registry
    lab.connection.zremrangebyscore(registry.key, "(0", "+inf")  # a score of -1 would stay for ever
    return expired


def _kinds(lab: Lab) -> Counter[str]:
    """How many keys are left of each kind: the name without its last part."""
    return Counter(key.decode().rpartition(":")[0] for key in lab.connection.scan_iter(count=1000))
