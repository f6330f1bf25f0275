"""The last report of a project, in a real Redis."""

from __future__ import annotations

import pytest
import redis

from backend.review.figures import Picture
from backend.review.kept_report import KeptReport, KeptReports
from tests.unit.review.recorded import counted, recorded, stand_in
from tests.unit.review.test_report import report_of

pytestmark = pytest.mark.redis


def kept(note: str) -> KeptReport:
    report = report_of(counted(stand_in(recorded()["before"][:30], []).api()), note)
    return KeptReport(report, {7: Picture("data:image/jpeg;base64,AAAA", 64, 48)})


def test_what_the_command_leaves_is_what_the_page_reads(redis_connection: redis.Redis) -> None:
    """The last one, of its own project alone, and for a time."""
    reports = KeptReports(redis_connection)

    reports.keep(kept("first"))
    reports.keep(kept("second"))

    assert reports.of(4) == kept("second")
    assert reports.of(3) is None
    assert 0 < redis_connection.ttl("firstpass:review:4") <= 90 * 86_400


def test_names_that_are_no_whole_text_are_kept(redis_connection: redis.Redis) -> None:
    """Half an emoji, which Label Studio stores, is no UTF-8."""
    reports = KeptReports(redis_connection)

    reports.keep(kept("half \ud83d"))

    found = reports.of(4)
    assert found is not None
    assert found.report.notes == ("half ?",)
    assert '"half ?"' in kept("half \ud83d").report.to_json()


def test_another_versions_report_is_none(redis_connection: redis.Redis) -> None:
    redis_connection.set("firstpass:review:4", b'{"report": {}, "pictures": {}}')

    assert KeptReports(redis_connection).of(4) is None
