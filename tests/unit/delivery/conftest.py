"""What delivery keeps in Redis, in a real one; Label Studio and the workers are stand-ins."""

from __future__ import annotations

import pytest
import redis

from backend.delivery.claims import Claims
from backend.delivery.failed_tasks import FailedTasks
from backend.delivery.owed import OwedTasks


@pytest.fixture
def claims(redis_connection: redis.Redis) -> Claims:
    return Claims(redis_connection)


@pytest.fixture
def owed(redis_connection: redis.Redis) -> OwedTasks:
    return OwedTasks(redis_connection)


@pytest.fixture
def failed(redis_connection: redis.Redis) -> FailedTasks:
    return FailedTasks(redis_connection)
