"""What `firstpass tidy` takes back out of Redis."""

from __future__ import annotations

import pytest
import redis
from pydantic import SecretStr

from backend.cli.tidy import _owed
from backend.review.kept_report import KeptReports
from backend.settings import Settings
from tests.unit.review.test_kept_report import OURS, kept

pytestmark = pytest.mark.redis


def test_the_report_of_the_project_goes_with_what_is_owed(
    redis_connection: redis.Redis, redis_url: str
) -> None:
    """It holds pictures of the project; looking at what is owed leaves it."""
    settings, reports = Settings(redis_url=SecretStr(redis_url)), KeptReports(redis_connection)
    reports.keep(kept("ours"))

    _owed(settings, OURS)
    assert reports.of(OURS.id) is not None
    _owed(settings, OURS, forget=True)
    assert reports.of(OURS.id) is None
