"""A window that stays open for hours: jobs are added as others are done, whatever happens meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis

from backend.errors import Failure
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer, Outcome
from backend.queue.connection import connect
from backend.queue.job_queue import JobQueue
from backend.queue.keys import BULK_QUEUE, result_key
from backend.queue.results import ResultListener
from backend.queue.submit import Standing, SubmitLimits, Submitter
from backend.queue.window import CONSUMED_TTL_S, RECHECK_S, RESUBMIT_S, Window
from tests.conftest import StartRedis
from tests.integration.conftest import StartWorker
from tests.integration.test_queue import requests_for
from tests.redis_process import RedisProcess
from tests.standin.worker_process import start_worker_process

pytestmark = pytest.mark.redis

WAITING = f"rq:queue:{BULK_QUEUE}"
QueueOf = Callable[..., JobQueue]
PATIENCE_S = 240.0


def collect(window: Window, count: int, timeout_s: float = PATIENCE_S) -> dict[str, Outcome]:
    """So many outcomes, or all that came in time; each only once."""
    outcomes: dict[str, Outcome] = {}
    deadline = time.monotonic() + timeout_s
    while len(outcomes) < count and time.monotonic() < deadline:
        new = window.collect(1.0)
        assert not new.keys() & outcomes.keys()
        outcomes |= new
    return outcomes


def all_answered(outcomes: Mapping[str, Outcome], requests: Mapping[str, ModelRequest]) -> bool:
    return outcomes.keys() == requests.keys() and all(
        isinstance(outcome, Answer) for outcome in outcomes.values()
    )


@pytest.fixture
def queue_of(redis_connection: redis.Redis) -> Iterator[QueueOf]:
    """Makes queues of a given limit, and of a time between two looks."""
    listener = ResultListener(redis_connection)
    listener.start()

    def make(limit: int, recheck_s: float = RECHECK_S) -> JobQueue:
        limits = SubmitLimits(queue_limit=limit, job_timeout_s=30)
        submitter = Submitter(redis_connection, limits)
        return JobQueue(redis_connection, submitter, listener, recheck_s=recheck_s)

    yield make
    listener.close()


def test_jobs_are_added_as_others_are_done(queue_of: QueueOf, start_worker: StartWorker) -> None:
    """Two hundred, never more than twenty at once, each answered once; nothing is held in the end."""
    start_worker()
    requests = requests_for(f"ok-{i}" for i in range(200))
    left = iter(requests.items())
    outcomes: dict[str, Outcome] = {}
    deadline = time.monotonic() + PATIENCE_S

    with queue_of(1000).window(interactive=False) as window:
        while len(outcomes) < 200 and time.monotonic() < deadline:
            while len(window.pending) < 20 and (item := next(left, None)) is not None:
                window.add(dict([item]))
            assert len(window.pending) <= 20
            new = window.collect(1.0)
            assert not new.keys() & outcomes.keys()
            outcomes |= new

        assert all_answered(outcomes, requests)
        assert window.pending == set()


def test_a_job_that_is_done_may_be_added_again(
    queue_of: QueueOf, start_worker: StartWorker
) -> None:
    """Another task shows the same image, hours later: its answer is kept."""
    start_worker()
    requests = requests_for(["ok-1"])

    with queue_of(1000).window(interactive=False) as window:
        for _ in range(3):
            window.add(requests)
            assert all_answered(collect(window, 1), requests)


def test_a_full_queue_is_filled_as_it_drains(queue_of: QueueOf, start_worker: StartWorker) -> None:
    """Sixty jobs and room for ten: all are done in the end, and the limit holds all the time."""
    requests = requests_for(f"ok-{i}" for i in range(60))
    queue = queue_of(10)

    with queue.window(interactive=False) as window:
        window.add(requests)
        standings = list(window.submit().values())
        assert (standings.count(Standing.QUEUED), standings.count(Standing.BUSY)) == (10, 50)
        assert window.collect(0.1) == {}
        start_worker(batch_max=4)

        assert all_answered(collect(window, 60), requests)


def test_a_full_queue_is_not_asked_for_each_job_that_is_added(
    queue_of: QueueOf, redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that was refused would be sent each time; the next look is soon."""
    refused = "firstpass:submissions", "busy"
    clock = SimpleNamespace(now=1000.0)
    standing_still = SimpleNamespace(monotonic=lambda: clock.now, sleep=time.sleep)
    monkeypatch.setattr("backend.queue.window.time", standing_still)

    with queue_of(0).window(interactive=False) as window:
        window.add(requests_for(f"ok-{i}" for i in range(50)))
        window.collect(0)
        for number in range(20):
            window.add(requests_for([f"more-{number}"]))
            window.collect(0)
        asked = int(redis_connection.hget(*refused) or 0)
        clock.now += RESUBMIT_S
        window.collect(0)

    assert asked == 50
    assert int(redis_connection.hget(*refused) or 0) == 120


def test_a_dropped_job_is_told_of_no_more(queue_of: QueueOf, start_worker: StartWorker) -> None:
    """It goes on, and its result is kept for whoever asks next."""
    requests = requests_for(["ok-1", "ok-2"])
    first, second = requests

    with queue_of(1000).window(interactive=False) as window:
        window.add(requests)
        window.submit()
        window.drop([first])
        start_worker()

        assert collect(window, 1).keys() == {second}
        assert window.collect(0.5) == {}
        window.add({first: requests[first]})
        assert collect(window, 1).keys() == {first}


def test_two_windows_of_a_process_are_both_told(
    queue_of: QueueOf, start_worker: StartWorker
) -> None:
    """The same image may be in both; closing one leaves the other be."""
    requests = requests_for(["ok-1", "ok-2"])
    queue = queue_of(1000)

    with queue.window(interactive=False) as one:
        with queue.window(interactive=False) as other:
            one.add(requests)
            one.submit()
            other.add(requests)
            assert set(other.submit().values()) == {Standing.JOINED}
        start_worker()

        assert all_answered(collect(one, 2), requests)


def test_a_job_that_rq_cancelled_is_a_failure_that_says_so(
    queue_of: QueueOf, redis_connection: redis.Redis
) -> None:
    """By RQ's own tools; nobody waits for it for ever."""
    requests = requests_for(["ok-1"])
    (job_id,) = requests

    with queue_of(1000, recheck_s=0.2).window(interactive=False) as window:
        window.add(requests)
        window.submit()
        redis_connection.hset(f"rq:job:{job_id}", "status", "canceled")

        outcome = collect(window, 1)[job_id]

    assert isinstance(outcome, Failure)
    assert "cancelled" in outcome.message


def test_redis_away_for_a_while_is_waited_out(start_redis: StartRedis, tmp_path: Path) -> None:
    """Killed with jobs waiting, and started again with its data: all are answered, none is forgotten.

    One that is added while it is away is submitted when it is back.
    """
    server = start_redis(tmp_path / "redis", {"appendonly": "yes", "appendfsync": "always"})
    connection = connect(server.url(), retries=0)
    listener = ResultListener(connection)
    listener.start()
    queue = JobQueue(connection, Submitter(connection, SubmitLimits(1000, 30)), listener)
    before = requests_for(f"ok-{i}" for i in range(20))
    meanwhile = requests_for(f"ok-{i}" for i in range(20, 40))
    try:
        with queue.window(interactive=False) as window:
            window.add(before)
            window.submit()
            server.kill()
            window.add(meanwhile)
            began = time.monotonic()
            assert window.collect(1.0) == {}  # it gives an answer although Redis stays away
            assert time.monotonic() - began > 0.9
            assert window.collect(1.0) == {}
            server.start()
            deadline = time.monotonic() + PATIENCE_S
            while waiting(server) < 40 and time.monotonic() < deadline:
                window.collect(0.1)
            worker = start_worker_process(["--redis", server.url(), "--burst"], tmp_path / "log")
            assert worker.wait(PATIENCE_S) == 0

            assert all_answered(collect(window, 40), before | meanwhile)
    finally:
        listener.close()
        connection.close()


def waiting(server: RedisProcess) -> int:
    """How many jobs wait in its bulk queue."""
    with redis.Redis.from_url(server.url()) as connection:
        return int(connection.llen(WAITING))


def test_an_answer_that_was_consumed_is_kept_for_a_minute_alone(
    queue_of: QueueOf, start_worker: StartWorker, redis_connection: redis.Redis
) -> None:
    """Those of a million images would fill Redis; a failure is kept, so that it is not tried again."""
    start_worker()
    good, bad = requests_for(["ok-1"]), requests_for(["bad-1"])

    with queue_of(1000).window(interactive=False, consumes=True) as window:
        window.add({**good, **bad})
        collect(window, 2)

    assert 0 < redis_connection.ttl(result_key(next(iter(good)))) <= CONSUMED_TTL_S
    assert redis_connection.ttl(result_key(next(iter(bad)))) > CONSUMED_TTL_S
