"""The page of what people made of a project's predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from backend.label_studio.project_key import ProjectKey
from backend.queue.connection import connect
from backend.review.figures import Picture
from backend.review.kept_report import KeptReport, KeptReports
from backend.review.loop_runs import KeptLoopRuns, LoopChange, LoopCommand, LoopRun, LoopRuns
from backend.web.monitor import QueueMonitor
from tests.unit.review.recorded import counted, recorded, stand_in
from tests.unit.review.test_report import report_of
from tests.unit.web.test_operator_routes import client


class OneReport(KeptReports):
    """Of project 4, and of no other."""

    def __init__(self, kept: KeptReport) -> None:
        super().__init__(connect("redis://127.0.0.1:1/0", retries=0))
        self._kept = kept

    def of(self, project: int) -> KeptReport | None:
        return self._kept if project == 4 else None


class OnlyRuns(KeptLoopRuns):
    """Of project 9, and of no other."""

    def of(self, project: int) -> Mapping[LoopCommand, LoopRuns]:
        change = LoopChange("box", "car", "threshold", "0.1", "0.44", "+0.053")
        run = LoopRun("2026-11-20T08:00:00Z", 31, "tiny-0", "tiny-1", (change,), 6)
        return {"tune": LoopRuns(run, run) if project == 9 else LoopRuns(), "learn": LoopRuns()}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def monitor_with_report() -> QueueMonitor:
    report = report_of(counted(stand_in(recorded()["before"][:30], []).api()), "<b>a note</b>")
    picture = Picture("data:image/jpeg;base64,AAAA", 64, 48)
    monitor = QueueMonitor(connect("redis://127.0.0.1:1/0", retries=0))
    monitor.reports = OneReport(
        KeptReport(report, {report.worst[0].picture: picture}, ProjectKey(4, 1_795_207_698))
    )
    monitor.loop = OnlyRuns(connect("redis://127.0.0.1:1/0", retries=0))
    return monitor


def test_the_report_is_shown_under_its_policy(stack: ExitStack) -> None:
    """Names are escaped, nothing runs, nothing is loaded from elsewhere."""
    page = client(stack, monitor_with_report()).get("/review/4")

    assert page.status_code == 200
    assert "Reviewed: project 4 (Shapes)" in page.text
    assert "&lt;b&gt;a note" in page.text
    assert "of the project 4 that was made 2026-11-20T20:48:18Z" in page.text
    assert page.text.count("<image ") == 1
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "img-src data:" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script" not in policy


def test_a_project_without_a_report_is_told_how_to_get_one(stack: ExitStack) -> None:
    page = client(stack, monitor_with_report()).get("/review/7")

    assert page.status_code == 404
    assert "firstpass review --project 7" in page.text


def test_what_was_tuned_is_shown_where_there_is_no_report_yet(stack: ExitStack) -> None:
    """And the page still says how to get one."""
    page = client(stack, monitor_with_report()).get("/review/9")

    assert page.status_code == 200
    assert 'id="tuned"' in page.text
    assert "0.44" in page.text
    assert "firstpass review --project 9" in page.text
    assert "script" not in page.headers["Content-Security-Policy"]


def test_without_redis_it_says_so(stack: ExitStack) -> None:
    page = client(stack).get("/review/4")

    assert page.status_code == 503
    assert "Redis does not answer" in page.text


def test_who_shows_no_credentials_sees_nothing(stack: ExitStack) -> None:
    http = client(stack, monitor_with_report(), basic_auth_user="u", basic_auth_pass="p")

    assert http.get("/review/4").status_code == 401
    assert http.get("/review/4", auth=("u", "p")).status_code == 200
