"""What status says of projects, and of the runs that fill them, with a real Redis."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner

from backend.cli.main import app
from backend.delivery.failed_tasks import FailedTasks
from backend.delivery.keys import PROJECTS, RUNS, failed_key, figures_key
from backend.delivery.owed import OwedTasks
from backend.delivery.project_figures import ProjectFigures
from backend.delivery.run_card import RUN_TTL_S, RunCard, shown_in_redis
from backend.errors import Failure
from backend.label_studio.project_key import ProjectKey
from backend.queue.failures import KEPT_S, FailureLog
from backend.queue.heads import HeadShelf
from backend.queue.keys import failed_in_key, head_key
from backend.settings import load_settings
from backend.status.installation import InstallationSign
from backend.status.overview import HeadView, ProjectView
from backend.status.plain import overview_json
from backend.status.reading import read_overview
from backend.status.verdict import problems
from backend.web.status_page import status_page
from tests.unit.learning.heads import a_head

pytestmark = pytest.mark.redis

NAME, DATA = a_head()
ONE, OTHER = ProjectKey(4, 5), ProjectKey(7, 5)


def projects(connection: redis.Redis) -> dict[str, ProjectView]:
    return {one.id: one for one in read_overview(connection).projects}


def test_each_project_has_what_became_of_its_tasks(redis_connection: redis.Redis) -> None:
    """Predicted, failed and owed; a task that has its prediction at last is failed no more."""
    figures, failed = ProjectFigures(redis_connection), FailedTasks(redis_connection)
    figures.stored(ONE, "tiny-1", [1, 2, 3])
    figures.named(ONE, "Street")
    bad = Failure("TaskError", "no image", transient=False)
    failed.note(ONE, {8: bad, 9: bad}, by_worker={9: "0a"})
    OwedTasks(redis_connection).add(OTHER, [1, 2], time.time())
    figures.stored(ONE, "tiny-1", [9])

    told = projects(redis_connection)

    assert told["4"] == ProjectView("4.5", "Street", "tiny-1", predicted=4, failed=1)
    assert told["7"] == ProjectView("7.5", owed=2)
    failed.forget(ONE, [8])
    assert projects(redis_connection)["4"].failed == 0


def test_what_was_learned_and_is_not_there_is_said_of_its_project(
    redis_connection: redis.Redis, tmp_path: Path
) -> None:
    """There; gone; damaged in Redis and as a file. A label config that names none any more ends it."""
    figures, shelf = ProjectFigures(redis_connection), HeadShelf(redis_connection, tmp_path)
    figures.named(ONE, "Street")
    figures.learned(ONE, [NAME])
    figures.learned(OTHER, ["0" * 32])
    shelf.put(NAME, DATA)

    told = read_overview(redis_connection, heads=shelf)

    heads = {one.id: one.heads for one in told.projects}
    assert heads["4"] == (HeadView(NAME),)
    (gone,) = heads["7"]
    assert "neither in Redis nor among the files" in gone.trouble
    assert [one for one in problems(told) if "learned" in one] == [
        f"What was learned for project 7 is not used (model_head {'0' * 32}): {gone.trouble}. "
        "`firstpass learn --project 7 --apply` learns anew, with --forget in place of --apply it is forgotten."
    ]
    assert NAME[:8] in status_page(told)
    assert overview_json(told)["projects"][0]["heads"]

    redis_connection.set(head_key(NAME), DATA[:-9])
    (tmp_path / "heads" / f"{NAME}.safetensors").write_bytes(DATA[:-9])
    figures.learned(OTHER, [])
    told = read_overview(redis_connection, heads=HeadShelf(redis_connection, tmp_path))
    (problem,) = [one for one in problems(told) if "learned" in one]
    assert problem.startswith("What was learned for project 4 (Street) is not used")
    assert "not those that its name stands for" in problem
    assert "00000000" not in status_page(told)


def test_a_failure_is_forgotten_with_its_reason(redis_connection: redis.Redis) -> None:
    """An annotator may have labelled or deleted the task since: whatever is stored meanwhile, a week is all it counts."""
    figures = ProjectFigures(redis_connection)
    figures.failed(ONE, [8, 9])
    now, _ = redis_connection.time()
    redis_connection.zadd(failed_key(ONE), {"8": now - KEPT_S - 1, "9": now - KEPT_S + 3600})
    redis_connection.expire(failed_key(ONE), 1000)

    figures.stored(ONE, "tiny-1", [1])

    assert redis_connection.ttl(failed_key(ONE)) <= 1000
    assert projects(redis_connection)["4"].failed == 1
    figures.failed(ONE, [10])
    assert redis_connection.zrange(failed_key(ONE), 0, -1) == [b"9", b"10"]


def test_a_project_that_is_gone_is_spoken_of_no_more(redis_connection: redis.Redis) -> None:
    """Nor its failed tasks beside the images that failed; another project's are."""
    failed, bad = FailedTasks(redis_connection), Failure("TaskError", "no", transient=False)
    failed.note(ONE, {8: bad})
    failed.note(OTHER, {8: bad})
    ProjectFigures(redis_connection).stored(ONE, "tiny-1", [1])

    failed.forget_project(ONE)

    told = read_overview(redis_connection)
    assert [one.id for one in told.projects] == ["7"]
    assert [one.task.project for one in told.failures if one.task] == [str(OTHER)]


def test_another_version_is_counted_from_the_beginning(redis_connection: redis.Redis) -> None:
    figures = ProjectFigures(redis_connection)
    figures.stored(ONE, "tiny-1", [1, 2, 3])
    figures.stored(ONE, "tiny-2", [])

    assert projects(redis_connection)["4"] == ProjectView("4.5", "", "tiny-2")


def test_a_run_is_shown_while_it_lives_and_no_longer(redis_connection: redis.Redis) -> None:
    """Ended, at once; killed, as soon as it has been silent for its lease."""

    def card(host: str, pid: int, now: float) -> RunCard:
        return RunCard(str(ONE), "Street", "tiny-1", host, pid, now, 100, 2, 302, 4.0)

    with shown_in_redis(redis_connection, card):
        deadline = time.monotonic() + 60
        while not redis_connection.hlen(RUNS):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (run,) = projects(redis_connection)["4"].runs
        assert (run.predicted, run.failed, run.total, run.seconds_left) == (100, 2, 302, 50.0)
        assert 0 < redis_connection.ttl(RUNS) <= RUN_TTL_S
    assert "4" not in projects(redis_connection)

    seconds, _ = redis_connection.time()
    dead = card("box", 1, seconds - RUN_TTL_S - 1)
    redis_connection.hset(RUNS, "box:1", json.dumps(asdict(dead)))
    redis_connection.hset(RUNS, "box:2", "of another version")
    assert "4" not in projects(redis_connection)


def test_terminal_and_json_tell_of_projects_too(
    redis_connection: redis.Redis, redis_url: str
) -> None:
    ProjectFigures(redis_connection).named(ONE, "Street\x1b[2J")
    shown = CliRunner().invoke(app, ["status", "--redis-url", redis_url], env={"COLUMNS": "200"})
    told = CliRunner().invoke(app, ["status", "--json", "--redis-url", redis_url])

    assert "4 Street" in shown.stdout
    assert "\x1b[2J" not in shown.stdout
    (project,) = json.loads(told.stdout)["projects"]
    assert (project["id"], project["title"], project["runs"]) == ("4", "Street\x1b[2J", [])


@pytest.mark.parametrize("key", [PROJECTS, figures_key(ONE), failed_key(ONE)])
def test_what_stands_in_the_way_of_figures_stops_nobody(
    redis_connection: redis.Redis, key: str
) -> None:
    """A value of another kind under a key of theirs: the delivery goes on without, and status names the key."""
    figures = ProjectFigures(redis_connection)
    figures.named(ONE, "Street")
    redis_connection.delete(key)
    redis_connection.set(key, "not ours")

    figures.stored(ONE, "tiny-1", [1])
    figures.failed(ONE, [2])
    figures.mended(ONE, [2])
    assert figures.failed_tasks(ONE) in ([], [2])
    figures.named(ONE, "Street")

    assert read_overview(redis_connection).foreign == (key,)


def test_a_redis_that_is_away_stops_nobody() -> None:
    with redis.Redis(port=1) as away:
        figures = ProjectFigures(away)
        figures.stored(ONE, "tiny-1", [1])
        figures.failed(ONE, [2])
        figures.named(ONE, "Street")
        figures.forget(ONE)
        with shown_in_redis(away, lambda host, pid, now: pytest.fail("no time is known")):
            pass


def test_a_failed_image_leads_to_its_task(redis_connection: redis.Redis) -> None:
    """On the page and in the JSON, once a web process shows where Label Studio is; the task's own failure as well."""
    bad = Failure("ImageUnreadable", "bad", transient=False)
    job, log = "ab" * 32, FailureLog(redis_connection)
    with redis_connection.pipeline() as pipeline:
        log.record(job, "http://pictures.test/a.png", bad, 1, pipeline)
        pipeline.execute()
    FailedTasks(redis_connection).note(ONE, {8: bad, 9: bad}, by_worker={9: job})

    unknown = read_overview(redis_connection)
    InstallationSign(
        redis_connection, load_settings(label_studio_url="https://studio.test/")
    ).renew()
    known = read_overview(redis_connection)

    assert "data?task" not in status_page(unknown)
    addresses = [f"https://studio.test/projects/4/data?task={task}" for task in (9, 8)]
    told = overview_json(known)["failures"]["latest"]
    assert sorted(one["address"] for one in told) == sorted(addresses)
    for address in addresses:
        assert f'href="{address}"' in status_page(known)


@pytest.mark.parametrize("stored", [b"nothing of ours", b"[]", b'{"project": "x", "task": 1}'])
def test_a_foreign_value_beside_a_failure_leads_nowhere(
    redis_connection: redis.Redis, stored: bytes
) -> None:
    with redis_connection.pipeline() as pipeline:
        bad = Failure("ImageUnreadable", "bad", transient=False)
        FailureLog(redis_connection).record("ab", "a.png", bad, 1, pipeline)
        pipeline.set(failed_in_key("ab"), stored)
        pipeline.execute()

    (record,) = (told := read_overview(redis_connection)).failures
    assert told.address_of(record) == ""
