"""What a worker tells of itself, and how measurements add up."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
import redis

from backend.queue.histograms import BUCKETS_S, Histogram, histograms_of, observe
from backend.queue.keys import HISTOGRAMS, WORKERS, worker_key
from backend.queue.vitals import Vitals
from backend.queue.worker_card import WorkerCard, card_of

pytestmark = pytest.mark.redis


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def text_hash(connection: redis.Redis, key: str) -> dict[str, str]:
    stored: Any = connection.hgetall(key)
    return {field.decode(): value.decode() for field, value in stored.items()}


def card(vitals: Vitals, connection: redis.Redis) -> WorkerCard:
    """The card as a reader gets it."""
    vitals.publish(connection)
    return card_of("w1", text_hash(connection, worker_key("w1")))


def test_a_card_is_read_as_it_was_written(redis_connection: redis.Redis, clock: Clock) -> None:
    """Device, model, state, batch size and heartbeat reach the reader."""
    vitals = Vitals("w1", device="cuda:0", model="tiny", ttl_s=30, clock=clock)
    vitals.state, vitals.batch_size = "busy", 8

    told = card(vitals, redis_connection)

    assert (told.device, told.model, told.state, told.batch_size) == ("cuda:0", "tiny", "busy", 8)
    assert told.silent_s(clock.now + 4) == 4
    assert told.memory_mb > 0
    assert 0 < int(redis_connection.ttl(worker_key("w1"))) <= 30


def test_rates_count_their_windows_alone(redis_connection: redis.Redis, clock: Clock) -> None:
    """Sixty images five minutes ago are in the rate of 15 minutes and not in that of one."""
    vitals = Vitals("w1", device="cpu", model="tiny", ttl_s=30, clock=clock)
    clock.now += 1000
    vitals.count_images(60)
    clock.now += 300
    vitals.count_images(30)

    told = card(vitals, redis_connection)

    assert told.rate_1m == pytest.approx(30 / 60)
    assert told.rate_15m == pytest.approx(90 / 900)
    assert told.images == 90


def test_a_young_worker_is_measured_by_its_age(redis_connection: redis.Redis, clock: Clock) -> None:
    """Twenty images in the first ten seconds are two per second, not a third of one."""
    vitals = Vitals("w1", device="cpu", model="tiny", ttl_s=30, clock=clock)
    clock.now += 10
    vitals.count_images(20)

    assert card(vitals, redis_connection).rate_1m == pytest.approx(2.0)


def test_a_worker_that_ended_leaves_nothing(redis_connection: redis.Redis, clock: Clock) -> None:
    """Neither card nor name; and names of workers that were killed go after an hour."""
    Vitals("killed", device="cpu", model="tiny", ttl_s=30, clock=clock).publish(redis_connection)
    clock.now += 3601
    vitals = Vitals("w1", device="cpu", model="tiny", ttl_s=30, clock=clock)
    vitals.publish(redis_connection)
    assert redis_connection.zrange(WORKERS, 0, -1) == [b"w1"]

    vitals.retire(redis_connection)

    assert redis_connection.keys("firstpass:worker*") == [b"firstpass:worker:killed"]


def test_a_card_of_another_version_is_still_a_card() -> None:
    """Figures that it leaves out are zero or a question mark, so the page shows the worker."""
    assert card_of("w1", {"host": "a", "seen_at": "5"}).device == "?"


def test_measurements_fall_into_their_buckets(redis_connection: redis.Redis) -> None:
    """A bound belongs to its own bucket, what is longer than all has one of its own."""
    observe("queue", [0.01, 0.02, 5000.0], redis_connection)
    observe("queue", [], redis_connection)

    queue = histograms_of(text_hash(redis_connection, HISTOGRAMS))[0]

    assert queue.counts == (1, 0, 1, *[0] * (len(BUCKETS_S) - 3), 1)
    assert queue.sum_s == pytest.approx(5000.03)


@pytest.mark.parametrize(("share", "bound"), [(0.5, 0.03), (0.9, 0.03), (0.95, 0.07), (1.0, 0.07)])
def test_a_share_is_within_the_first_bucket_that_reaches_it(share: float, bound: float) -> None:
    """Nine of ten within 0.03 s, the tenth within 0.07 s."""
    counts = (0, 0, 0, 9, 0, 1, *[0] * (len(BUCKETS_S) - 5))
    assert Histogram("queue", counts, 1.0).within_s(share) == bound


def test_what_is_longer_than_all_buckets_has_no_bound() -> None:
    """And nothing measured has neither bound nor mean."""
    assert Histogram("queue", (*[0] * len(BUCKETS_S), 1), 5000.0).within_s(0.5) == inf
    assert Histogram("queue", (0,) * (len(BUCKETS_S) + 1), 0.0).mean_s is None
