"""The log of failed images, over a real Redis."""

from __future__ import annotations

import json

import pytest
import redis

from backend.errors import Failure
from backend.queue.failures import FailureLog
from backend.queue.keys import FAILURE_KINDS, FAILURES, FAILURES_BY_TIME

BAD = Failure("ImageUnreadable", "not an image", transient=False)

pytestmark = pytest.mark.redis


@pytest.fixture
def log(redis_connection: redis.Redis) -> FailureLog:
    return FailureLog(redis_connection)


def record(log: FailureLog, connection: redis.Redis, job_id: str, failure: Failure = BAD) -> None:
    log.record(job_id, f"/data/upload/1/{job_id}.jpg", failure, 1, connection)


def test_the_newest_come_first(log: FailureLog, redis_connection: redis.Redis) -> None:
    """With image, kind, message, tries, and whether trying again could help."""
    for job_id in ("a", "b", "c"):
        record(log, redis_connection, job_id)

    latest = log.latest(2)

    assert [entry.job_id for entry in latest] == ["c", "b"]
    assert (latest[0].image, latest[0].kind, latest[0].message, latest[0].attempts) == (
        "/data/upload/1/c.jpg",
        "ImageUnreadable",
        "not an image",
        1,
    )
    assert latest[0].transient is False
    assert log.count() == 3


def test_an_image_that_fails_again_has_one_record(
    log: FailureLog, redis_connection: redis.Redis
) -> None:
    """The newest reason; while each failure is counted by its kind."""
    record(log, redis_connection, "a")
    record(log, redis_connection, "a", Failure("InferenceFailed", "poison", transient=False))

    assert [entry.kind for entry in log.latest()] == ["InferenceFailed"]
    assert redis_connection.hgetall(FAILURE_KINDS) == {
        b"ImageUnreadable": b"1",
        b"InferenceFailed": b"1",
    }


def test_a_long_message_is_cut(log: FailureLog, redis_connection: redis.Redis) -> None:
    """A model's traceback does not fill Redis ten thousand times."""
    record(log, redis_connection, "a", Failure("InferenceFailed", "x" * 10_000, transient=False))

    assert len(log.latest()[0].message) == 500


def test_the_oldest_are_forgotten(
    log: FailureLog, redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound of number, and beyond that of age; records and times agree."""
    monkeypatch.setattr("backend.queue.failures.KEPT", 2)
    for job_id in ("a", "b", "c", "d"):
        record(log, redis_connection, job_id)
    log.trim()
    assert [entry.job_id for entry in log.latest()] == ["d", "c"]
    redis_connection.zadd(FAILURES_BY_TIME, {"c": 5.0})

    log.trim()

    assert [entry.job_id for entry in log.latest()] == ["d"]
    assert redis_connection.hkeys(FAILURES) == [b"d"]


def test_a_record_that_changed_is_kept(log: FailureLog, redis_connection: redis.Redis) -> None:
    """An image that failed anew while it was being retried is still listed, with its new reason."""
    record(log, redis_connection, "same")
    record(log, redis_connection, "changed")
    seen = log.latest()
    record(log, redis_connection, "changed", Failure("InferenceFailed", "poison", transient=False))

    log.forget_unchanged(seen)

    assert [(entry.job_id, entry.kind) for entry in log.latest()] == [
        ("changed", "InferenceFailed")
    ]


def test_a_record_that_does_not_decode_is_left_out(
    log: FailureLog, redis_connection: redis.Redis
) -> None:
    """The others are still shown."""
    record(log, redis_connection, "good")
    for job_id, text in (("json", "{"), ("fields", '{"job_id": "x"}'), ("gone", None)):
        if text is not None:
            redis_connection.hset(FAILURES, job_id, text)
        redis_connection.zadd(FAILURES_BY_TIME, {job_id: 9e9})

    assert [entry.job_id for entry in log.latest()] == ["good"]


def test_a_task_that_no_project_has_is_left_out(
    log: FailureLog, redis_connection: redis.Redis
) -> None:
    """Others are retried all the same."""
    record(log, redis_connection, "good")
    kept = json.loads(redis_connection.hget(FAILURES, "good") or "")
    for number, task in enumerate(({"project": "x", "task": 3}, {"project": "4.17", "task": -3})):
        odd = json.dumps({**kept, "job_id": f"odd-{number}", "task": task})
        redis_connection.hset(FAILURES, f"odd-{number}", odd)
        redis_connection.zadd(FAILURES_BY_TIME, {f"odd-{number}": 9e9})

    assert [entry.job_id for entry in log.latest()] == ["good"]


def test_a_record_from_before_tasks_had_a_field_is_forgotten_too(
    log: FailureLog, redis_connection: redis.Redis
) -> None:
    """It is compared with the text that is stored."""
    record(log, redis_connection, "old")
    assert "task" not in json.loads(redis_connection.hget(FAILURES, "old") or "")

    log.forget_unchanged(log.latest())

    assert log.count() == 0
