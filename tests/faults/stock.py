"""Where every job is: the conservation check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis
from rq import Queue
from rq.job import Job

from backend.errors import Failure
from backend.queue.keys import QUEUES, result_key
from backend.queue.payload import decode_outcome


@dataclass
class Stock:
    """The ids of all jobs, each in one place; `odd` says what is nowhere or wrong."""

    queued: set[str] = field(default_factory=set)
    leased: set[str] = field(default_factory=set)
    finished: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    odd: list[str] = field(default_factory=list)

    @property
    def under_way(self) -> set[str]:
        return self.queued | self.leased

    @property
    def everything(self) -> set[str]:
        return self.queued | self.leased | self.finished | self.failed


def take_stock(connection: redis.Redis) -> Stock:
    """Each job at the place where its status says it is; else it is odd."""
    stock = Stock()
    waiting, leased = set(), set()
    for name in QUEUES:
        queue = Queue(name, connection=connection)
        waiting |= set(queue.get_job_ids())
        entries: Any = connection.zrange(queue.started_job_registry.key, 0, -1)
        leased |= {entry.decode() for entry in entries}
    ids = {key.decode().split(":")[2] for key in connection.scan_iter("rq:job:*", 1000)}
    answered = {
        key.decode().removeprefix(result_key(""))
        for key in connection.scan_iter(f"{result_key('')}*", 1000)
    }
    for job_id, record, stored in _read(sorted(ids | answered), connection):
        _place(job_id, record, stored, stock, waiting, leased)
    for entry in leased:
        if entry.split(":")[0] not in stock.leased:
            stock.odd.append(f"a lease without a job that runs: {entry}")
    return stock


def _read(ids: Sequence[str], connection: redis.Redis) -> Iterator[tuple[str, Any, Any]]:
    with connection.pipeline(transaction=False) as pipeline:
        for job_id in ids:
            pipeline.hmget(Job.key_for(job_id), "status", "firstpass_execution", "data")
            pipeline.get(result_key(job_id))
        replies = pipeline.execute()
    return zip(ids, replies[::2], replies[1::2], strict=True)


def _place(
    job_id: str, record: Any, stored: Any, stock: Stock, waiting: set[str], leased: set[str]
) -> None:
    status, holder, data = (text.decode("latin-1") if text else None for text in record)
    if status is not None and data is None:
        stock.odd.append(f"half a job: {job_id}")
    if status == "queued" and job_id in waiting:
        stock.queued.add(job_id)
    elif status == "started" and f"{job_id}:{holder}" in leased:
        stock.leased.add(job_id)
    elif status in ("finished", "failed", None) and stored:
        failed = isinstance(decode_outcome(stored), Failure)
        if status is not None and failed != (status == "failed"):
            stock.odd.append(f"{status}, but its outcome says otherwise: {job_id}")
        (stock.failed if failed else stock.finished).add(job_id)
    else:
        stock.odd.append(f"{status}, and nowhere: {job_id}")
