"""The clock that all processes share."""

from __future__ import annotations

import time

import pytest
import redis
from redis.exceptions import NoPermissionError

from backend.queue.clock import ASK_EVERY_S, RedisClock


class Server:
    """A Redis with a clock that a test sets."""

    def __init__(self) -> None:
        self.at, self.asked = 1000.5, 0
        self.error: Exception | None = None

    def time(self) -> tuple[int, int]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return int(self.at), int(self.at % 1 * 1e6)


def clock_of(server: Server, own: list[float]) -> RedisClock:
    return RedisClock(server, monotonic=lambda: own[0])  # type: ignore[arg-type]


def test_it_is_what_redis_says() -> None:
    """Carried on between two questions, of which there is one a second."""
    server, own = Server(), [7.0]
    clock = clock_of(server, own)

    assert clock() == 1000.5
    own[0] += ASK_EVERY_S
    assert clock() == 1000.5 + ASK_EVERY_S
    assert server.asked == 1
    own[0] += 0.1
    server.at = 2000.0
    assert clock() == 2000.0
    assert clock.utc().timestamp() == 2000.0


def test_it_goes_on_while_redis_is_away() -> None:
    """Not before the first answer: nobody could know."""
    server, own = Server(), [7.0]
    server.error = redis.ConnectionError()
    clock = clock_of(server, own)
    with pytest.raises(redis.ConnectionError):
        clock()

    server.error = None
    assert clock() == 1000.5
    server.error = redis.TimeoutError()
    own[0] += 60
    assert clock() == 1060.5


def test_where_the_time_may_not_be_asked_it_is_our_own() -> None:
    """A Redis user that was set up before it needed `+time` goes on working."""
    server, own = Server(), [7.0]
    server.error = NoPermissionError()

    assert abs(clock_of(server, own)() - time.time()) < 60
