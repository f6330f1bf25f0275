"""Another program's value where the queue keeps its own: what is shared is named, what is one job's fails that one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis
from rq import Queue
from rq.job import Job
from structlog.testing import capture_logs

from backend.errors import Failure, ForeignValue, InternalError
from backend.prediction.request import Answer
from backend.queue.connection import connect
from backend.queue.job_queue import JobQueue
from backend.queue.keys import (
    BELL,
    FAILURE_KINDS,
    FAILURES,
    FAILURES_BY_TIME,
    INTERACTIVE_QUEUE,
    SUBMISSIONS,
    result_key,
    waiters_key,
)
from backend.queue.submit import Standing
from tests.integration.conftest import StartWorker
from tests.integration.test_queue import PATIENCE_S, requests_for

pytestmark = pytest.mark.redis

QUEUE = f"rq:queue:{INTERACTIVE_QUEUE}"
THEIRS = "a value of another program"


@pytest.fixture
def redis_connection(redis_connection: redis.Redis, redis_url: str) -> redis.Redis:
    """Over an empty database, as the processes connect: this client knows of which key an error is."""
    return connect(redis_url)


@pytest.mark.parametrize("key", [QUEUE, BELL, Queue.redis_queues_keys])
def test_what_all_jobs_share_is_named_and_fails_no_image(
    job_queue: JobQueue, redis_connection: redis.Redis, key: str
) -> None:
    """Who asks hears of the key; when that is gone, the same image is queued or waited for."""
    requests = requests_for(["ok-1"])
    redis_connection.set(key, THEIRS)

    with pytest.raises(ForeignValue, match=f"in Redis {key} holds something else"):
        job_queue.ask(requests, interactive=True, wait_s=0)

    redis_connection.delete(key)
    asked = job_queue.ask(requests, interactive=True, wait_s=0)
    assert asked.pending == set(requests)


@pytest.mark.parametrize("key_of", [Job.key_for, result_key, waiters_key])
def test_what_is_one_jobs_fails_that_job_by_name(
    job_queue: JobQueue, redis_connection: redis.Redis, key_of: Callable[[str], str]
) -> None:
    """The other image is queued."""
    theirs, ours = requests_for(["ok-1", "ok-2"])
    key = key_of(theirs)
    redis_connection.zadd(key, {THEIRS: 1})  # none of the three is such a set

    asked = job_queue.ask(requests_for(["ok-1", "ok-2"]), interactive=True, wait_s=0)

    assert asked.pending == {ours}
    outcome = asked.outcomes[theirs]
    assert isinstance(outcome, Failure)
    assert outcome.kind == InternalError.__name__
    assert f"stored: in Redis {key} holds something else" in outcome.message


def test_a_counter_of_theirs_refuses_nobody(
    job_queue: JobQueue, redis_connection: redis.Redis
) -> None:
    redis_connection.set(SUBMISSIONS, THEIRS)

    with capture_logs() as logs:
        asked = job_queue.ask(requests_for(["ok-1"]), interactive=True, wait_s=0)

    assert asked.standings == {Standing.QUEUED: 1}
    (said,) = [one for one in logs if one["event"] == "figures not counted"]
    assert f"in Redis {SUBMISSIONS} holds something else" in said["reason"]


@pytest.mark.parametrize("key", [FAILURES, FAILURES_BY_TIME, FAILURE_KINDS])
def test_outcomes_are_stored_beside_foreign_failures(
    job_queue: JobQueue, start_worker: StartWorker, redis_connection: redis.Redis, key: str
) -> None:
    """An answer and a failure for good; each job has ended, and the worker has not."""
    redis_connection.set(key, THEIRS)
    requests = requests_for(["ok-1", "bad-1"])
    worker = start_worker()

    asked = job_queue.ask(requests, interactive=True, wait_s=PATIENCE_S)

    kinds = sorted(type(outcome).__name__ for outcome in asked.outcomes.values())
    assert kinds == [Answer.__name__, Failure.__name__]
    states = [redis_connection.hget(Job.key_for(job_id), "status") for job_id in requests]
    assert states == [b"finished", b"failed"]
    again = job_queue.ask(requests_for(["ok-2"]), interactive=True, wait_s=PATIENCE_S)
    assert not again.pending
    assert worker.poll() is None


def test_who_waits_says_what_is_waited_for(
    job_queue: JobQueue, redis_connection: redis.Redis
) -> None:
    """Not that Redis is away, which answers."""
    with job_queue.window(interactive=True) as window, capture_logs() as logs:
        redis_connection.set(QUEUE, THEIRS)
        window.add(requests_for(["ok-1"]))
        assert window.collect(0) == {}

    (said,) = [one for one in logs if one["log_level"] == "warning"]
    assert f"in Redis {QUEUE} holds something else" in said["reason"]
    assert "away" not in said["event"]
