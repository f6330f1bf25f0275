"""The last report of a project, in a real Redis."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from backend.label_studio.project_key import ProjectKey
from backend.review.figures import Picture
from backend.review.kept_report import KeptReport, KeptReports
from tests.unit.review.recorded import counted, recorded, stand_in
from tests.unit.review.test_report import report_of

pytestmark = pytest.mark.redis

OURS, ANOTHER = ProjectKey(4, 1_795_207_698), ProjectKey(4, 1_795_300_000)


def kept(note: str) -> KeptReport:
    report = report_of(counted(stand_in(recorded()["before"][:30], []).api()), note)
    return KeptReport(report, {"7/0/image": Picture("data:image/jpeg;base64,AAAA", 64, 48)}, OURS)


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


def test_a_report_says_which_project_it_is_of(redis_connection: redis.Redis) -> None:
    """A Label Studio that is made anew gives the number to another project."""
    reports = KeptReports(redis_connection)
    reports.keep(kept("ours"))

    found = reports.of(4)

    assert found is not None
    assert found.project == OURS
    assert found.told.notes[1].startswith("of the project 4 that was made 2026-11-20T")


def test_a_projects_report_is_forgotten_and_no_others(redis_connection: redis.Redis) -> None:
    reports = KeptReports(redis_connection)
    reports.keep(kept("ours"))

    reports.forget(ANOTHER)
    assert reports.of(4) is not None
    reports.forget(ProjectKey(3, OURS.created_s))
    assert reports.of(4) is not None
    reports.forget(OURS)
    assert reports.of(4) is None
    reports.forget(OURS)


def test_a_report_of_nobody_knows_which_project_is_forgotten_with_any(
    redis_connection: redis.Redis,
) -> None:
    """One of an older version, or one that cannot be read."""
    reports = KeptReports(redis_connection)
    for stored in (replace(kept("older"), project=None), None):
        if stored is None:
            redis_connection.set("firstpass:review:4", b"{}")
        else:
            reports.keep(stored)
        reports.forget(ANOTHER)

        assert not redis_connection.exists("firstpass:review:4")
