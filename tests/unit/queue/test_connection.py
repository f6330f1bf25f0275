"""What is said of a Redis that gives no use: each with the remedy that helps."""

from __future__ import annotations

import pytest
import redis

from backend.errors import QueueUnavailable
from backend.queue.connection import queue_errors


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            redis.ConnectionError("refused"),
            "see whether it runs, and whether FIRSTPASS_REDIS_URL is right.",
        ),
        (redis.BusyLoadingError("Redis is loading"), "Redis is still reading its file"),
        (
            redis.AuthenticationError("WRONGPASS invalid username-password pair"),
            "see whether the password in FIRSTPASS_REDIS_URL is right.",
        ),
        (redis.ResponseError("ERR DB index is out of range"), "refused: DB index is out of range"),
    ],
)
def test_each_trouble_has_its_own_sentence(error: redis.RedisError, said: str) -> None:
    """A Redis that answers is not said to be silent."""
    with pytest.raises(QueueUnavailable) as raised, queue_errors():
        raise error

    assert said in str(raised.value)
    assert ("does not answer" in str(raised.value)) == (type(error) is redis.ConnectionError)
