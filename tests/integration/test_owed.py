"""`firstpass owed`: what is owed can be seen and dropped, and `status` says so."""

from __future__ import annotations

import time

import pytest
import redis
from typer.testing import CliRunner

from backend.cli.main import app
from backend.delivery.keys import owed_key, tries_key
from backend.delivery.owed import OwedTasks
from backend.errors import SettingsError
from backend.label_studio.project_key import ProjectKey

pytestmark = pytest.mark.redis

FOUR, SEVEN = ProjectKey(4, 1795207698), ProjectKey(7, 1795207699)


@pytest.fixture
def owed(redis_connection: redis.Redis) -> OwedTasks:
    """Three tasks of project 4, one of 7, which Label Studio does not serve."""
    owed = OwedTasks(redis_connection)
    owed.add(FOUR, [12, 13], time.time() - 5)
    owed.add(FOUR, [14], time.time() + 1000)
    owed.failed_again(FOUR, 13)
    owed.add(SEVEN, [10**30], time.time())
    owed.put_off(SEVEN, "GET /api/projects/7/: 500")
    return owed


def run(redis_url: str, *arguments: str) -> str:
    result = CliRunner().invoke(
        app, [*arguments, "--redis-url", redis_url], catch_exceptions=False, env={"COLUMNS": "200"}
    )
    return result.output


def test_what_is_owed_is_seen(owed: OwedTasks, redis_url: str) -> None:
    shown = run(redis_url, "owed")

    assert "project 4: 3 tasks owed" in shown
    assert "task 12: due now" in shown
    assert "task 13: due now, failed 1 times" in shown
    assert "task 14: due in" in shown
    assert "put off: GET /api/projects/7/: 500" in shown
    assert "and 2 more" in run(redis_url, "owed", "--project", "4", "--most", "1")
    assert "project 7" not in run(redis_url, "owed", "--project", "4")


def test_when_a_task_is_due_is_told_by_the_clock_of_redis(
    owed: OwedTasks, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine's is an hour behind, or ahead."""
    ours = time.time
    for skew in (-3600, 3600):
        monkeypatch.setattr(time, "time", lambda skew=skew: ours() + skew)
        shown = run(redis_url, "owed")
        assert "task 12: due now" in shown
        assert "task 14: due in" in shown


def test_status_says_who_is_not_served_and_how_to_drop_it(owed: OwedTasks, redis_url: str) -> None:
    """And the remedy does what it says."""
    run_status = run(redis_url, "status", "--json")
    assert "does not serve project 7" not in run_status  # no courier lives, which is said instead

    assert "1 task dropped." in run(redis_url, "owed", "--project", "7", "--drop")
    assert owed.projects() == [FOUR]
    assert "project 7" not in run(redis_url, "owed")


def test_single_tasks_are_dropped(owed: OwedTasks, redis_url: str) -> None:
    assert "1 task dropped." in run(redis_url, "owed", "13", "99", "--project", "4", "--drop")

    assert owed.due(FOUR, time.time(), 10) == [12]
    assert owed.count() == 3


def test_nothing_is_dropped_by_chance(owed: OwedTasks, redis_url: str) -> None:
    """Without a project, or with one that is owed nothing."""
    for arguments in (["--drop"], ["12", "--drop"], ["--project", "5", "--drop"]):
        with pytest.raises(SettingsError):
            run(redis_url, "owed", *arguments)

    assert owed.count() == 4


def test_what_no_courier_could_read_is_dropped_too(
    owed: OwedTasks, redis_connection: redis.Redis, redis_url: str
) -> None:
    """A foreign writer's, or from a request of an earlier version."""
    redis_connection.zadd(owed_key(SEVEN), {b"\xff": 1.0})
    redis_connection.hset(tries_key(FOUR), "12", b"\xff often")
    assert "task 12: due now\n" in run(redis_url, "owed")

    assert "2 tasks dropped." in run(redis_url, "owed", "--project", "7", "--drop")
    assert "Nothing is owed" not in run(redis_url, "owed")


def test_what_is_no_list_of_owed_tasks_holds_no_other_project_up(
    owed: OwedTasks, redis_connection: redis.Redis
) -> None:
    """An old or foreign value under a project's name."""
    redis_connection.set(owed_key(FOUR), "junk")

    assert [owed.due(project, time.time(), 10) for project in owed.projects()] == [[], []]

    assert owed.projects() == [SEVEN]
    owed.add(FOUR, [12], time.time() - 5)
    assert owed.due(FOUR, time.time(), 10) == [12]
