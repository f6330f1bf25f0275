"""Tasks in the list of failures, and out of it again."""

from __future__ import annotations

import time

import pytest
import redis

from backend.delivery.failed_tasks import FailedTasks
from backend.delivery.owed import OwedTasks
from backend.errors import Failure
from backend.queue.failures import FailedTask, FailureLog
from backend.queue.retry import Retrier
from backend.queue.submit import SubmitLimits, Submitter
from tests.unit.delivery.label_studio import KEY

pytestmark = pytest.mark.redis

LACKING = Failure("TaskError", "expected the key image", transient=False)
TASK = FailedTask(str(KEY), 12)
BAD = Failure("ImageUnreadable", "not an image", transient=False)


@pytest.fixture
def retrier(redis_connection: redis.Redis, failed: FailedTasks) -> Retrier:
    submitter = Submitter(redis_connection, SubmitLimits(100, 30))
    return Retrier(redis_connection, submitter, failed.owe_again)


@pytest.fixture
def log(redis_connection: redis.Redis) -> FailureLog:
    return FailureLog(redis_connection)


def test_a_task_is_listed_once_with_its_latest_reason(failed: FailedTasks, log: FailureLog) -> None:
    """Each of several tasks for itself, until it has its prediction."""
    failed.note(KEY, {1: BAD, 2: BAD})
    failed.note(KEY, {1: LACKING})
    assert {record.image: record.message for record in log.latest()} == {
        "task 1 of project 4": "expected the key image",
        "task 2 of project 4": "not an image",
    }

    failed.forget(KEY, [1, 3])

    assert [record.image for record in log.latest()] == ["task 2 of project 4"]
    assert log.count() == 1


def test_retry_owes_a_listed_task_again(
    failed: FailedTasks, log: FailureLog, owed: OwedTasks, retrier: Retrier
) -> None:
    """The courier sees to it; it is listed no more unless it fails again."""
    failed.note(KEY, {12: LACKING})

    retried = retrier.retry()

    assert (retried.again, retried.refused) == ([TASK.name], {})
    assert owed.due(KEY, time.time(), 10) == [12]
    assert log.count() == 0


def test_retry_takes_a_task_by_its_names_beginning(
    failed: FailedTasks, owed: OwedTasks, retrier: Retrier
) -> None:
    """`task 1` could be 1 or 12."""
    failed.note(KEY, {1: LACKING, 12: LACKING})

    unclear = retrier.retry(wanted=["task 1"])
    clear = retrier.retry(wanted=["task 12"])

    assert "fits 2" in unclear.refused["task 1"]
    assert clear.again == [TASK.name]
    assert owed.due(KEY, time.time(), 10) == [12]


def test_retry_takes_tasks_and_images_each_their_way(
    failed: FailedTasks,
    log: FailureLog,
    owed: OwedTasks,
    retrier: Retrier,
    redis_connection: redis.Redis,
) -> None:
    """An image whose job is gone is refused with the reason; the task beside it is owed."""
    failed.note(KEY, {12: LACKING})
    log.record("ab" * 32, "/data/upload/1/a.jpg", BAD, 1, redis_connection)

    retried = retrier.retry()

    assert retried.again == [TASK.name]
    assert list(retried.refused) == ["ab" * 32]
    assert owed.count() == 1


def test_a_job_whose_id_reads_like_a_task_is_no_task(
    owed: OwedTasks, log: FailureLog, retrier: Retrier, redis_connection: redis.Redis
) -> None:
    """What failed is told by its record, never by how its name is spelled."""
    log.record(TASK.name, "/data/upload/1/a.jpg", BAD, 1, redis_connection)

    retried = retrier.retry()

    assert list(retried.refused) == [TASK.name]
    assert owed.count() == 0
