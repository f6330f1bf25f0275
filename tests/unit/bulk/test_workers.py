"""Whether anybody answers, and with which models."""

from __future__ import annotations

import pytest
import redis

from backend.bulk.second_tries import forget_failures
from backend.bulk.workers import NobodyServes, check_workers, why_silent
from backend.errors import Failure, QueueUnavailable
from backend.prediction.engine import engine_for
from backend.prediction.request import Answer
from backend.queue.clock import RedisClock
from backend.queue.keys import WORKERS, result_key, worker_key
from backend.queue.payload import encode_outcome
from backend.queue.vitals import Vitals
from models.answering import Overrides
from models.types import ImageSize

pytestmark = pytest.mark.redis


TINY = engine_for("tiny")


def work(connection: redis.Redis, name: str, model: str, fingerprint: str = "") -> None:
    """A worker of that name has just beaten."""
    clock = RedisClock(connection)
    vitals = Vitals(name, device="cpu", model=model, fingerprint=fingerprint, ttl_s=30, clock=clock)
    with connection.pipeline() as pipeline:
        vitals.publish(pipeline)
        pipeline.execute()


def test_a_worker_with_our_models_is_enough(redis_connection: redis.Redis) -> None:
    """Named alike, or otherwise and the same."""
    work(redis_connection, "one", "tiny", TINY.fingerprint)
    work(redis_connection, "two", "tiny-florence2,tiny-clip", TINY.fingerprint)

    check_workers(redis_connection, TINY, runs_in="host", wait_s=0)
    assert why_silent(redis_connection, "host") == ""


def test_no_worker_is_said_so_and_how_to_start_one(redis_connection: redis.Redis) -> None:
    with pytest.raises(NobodyServes, match="firstpass worker"):
        check_workers(redis_connection, TINY, runs_in="host", wait_s=0)
    assert "no worker is alive" in why_silent(redis_connection, "host")


@pytest.mark.parametrize("model", ["tiny", "tiny-florence2", "/somewhere/else"])
def test_a_worker_that_answers_otherwise_is_refused(
    redis_connection: redis.Redis, model: str
) -> None:
    """Its answers would be stored as ours. The same models may be asked otherwise, with more beams say."""
    other = engine_for("tiny", Overrides(num_beams=3)).fingerprint
    work(redis_connection, "one", "tiny", TINY.fingerprint)
    work(redis_connection, "two", model, other)

    with pytest.raises(NobodyServes, match=f"holds {model}"):
        check_workers(redis_connection, TINY, runs_in="host", wait_s=0)


def test_a_worker_that_fell_silent_does_not_count(redis_connection: redis.Redis) -> None:
    """Neither as somebody who serves, nor as one with other models."""
    work(redis_connection, "one", "/somewhere/else")
    redis_connection.hset(worker_key("one"), "seen_at", 1.0)
    redis_connection.zadd(WORKERS, {"one": 1.0})

    with pytest.raises(NobodyServes, match="no worker is alive"):
        check_workers(redis_connection, TINY, runs_in="host", wait_s=0)


def test_a_redis_that_does_not_answer_is_the_reason() -> None:
    nobody = redis.Redis(port=1)

    with pytest.raises(QueueUnavailable):
        check_workers(nobody, TINY, runs_in="host", wait_s=0)
    assert "Redis" in why_silent(nobody, "host")


def test_only_stored_failures_are_forgotten(redis_connection: redis.Redis) -> None:
    """An answer is kept: it is what a second try is for."""
    failure = Failure("ImageUnreachable", "no answer", transient=True)
    answer = Answer(ImageSize(1, 1), (), "0" * 64)
    redis_connection.set(result_key("failed"), encode_outcome(failure))
    redis_connection.set(result_key("damaged"), b"{")
    redis_connection.set(result_key("answered"), encode_outcome(answer))

    assert forget_failures(redis_connection, ["failed", "damaged", "answered", "absent"]) == 2

    assert redis_connection.get(result_key("failed")) is None
    assert redis_connection.get(result_key("answered")) is not None
    assert forget_failures(redis_connection, []) == 0
