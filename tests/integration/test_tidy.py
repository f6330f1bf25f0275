"""`firstpass tidy` and what Redis tells of the project: a run that fills it, what is owed, what status says."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import redis
from typer.testing import CliRunner

from backend.cli import asking
from backend.cli.main import app
from backend.delivery.failed_tasks import FailedTasks
from backend.delivery.keys import RUNS
from backend.delivery.owed import OwedTasks
from backend.delivery.project_figures import ProjectFigures
from backend.delivery.run_card import RUN_TTL_S, RunCard
from backend.errors import BadRequest, Failure
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.project_key import ProjectKey
from backend.status.reading import read_overview
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.projects.label_studio import PROJECT, VERSION, a_label_studio, a_project

pytestmark = pytest.mark.redis


def key() -> ProjectKey:
    found = ProjectKey.of(a_project())
    assert found is not None
    return found


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> StandInLabelStudio:
    """The project with a row of ours; the command meets it."""
    made = a_label_studio()
    made.store([1], VERSION)
    monkeypatch.setattr(LabelStudioApi, "from_settings", lambda _: made.api())
    return made


def tidy(redis_url: str, *options: str) -> str:
    asked = ["tidy", "--project", str(PROJECT), "--redis-url", redis_url, *options]
    result = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def show_run(connection: redis.Redis, project: str, silent_s: float = 0) -> None:
    """As a run does that fills the project, by Redis's clock."""
    seconds, _ = connection.time()
    run = RunCard(project, "Shapes", VERSION, "box", 71, seconds - silent_s, 5, 0)
    connection.hset(RUNS, "box:71", json.dumps(asdict(run)))


def test_nothing_is_taken_back_while_a_run_fills_the_project(
    redis_connection: redis.Redis, redis_url: str, studio: StandInLabelStudio
) -> None:
    """It would write on, and have the project show its version again."""
    show_run(redis_connection, str(key()))

    with pytest.raises(BadRequest, match=r"prelabel` fills this project now \(process 71 on box\)"):
        tidy(redis_url, "--yes")
    assert studio.writes == []

    redis_connection.hdel(RUNS, "box:71")
    tidy(redis_url, "--yes")
    assert studio.rows == {}


@pytest.mark.parametrize(
    ("project", "silent_s"), [("8.1795207698", 0), (str(key()), RUN_TTL_S + 1)]
)
def test_a_run_over_another_project_or_one_that_is_dead_hinders_nobody(
    redis_connection: redis.Redis,
    redis_url: str,
    studio: StandInLabelStudio,
    project: str,
    silent_s: float,
) -> None:
    show_run(redis_connection, project, silent_s)

    tidy(redis_url, "--yes")

    assert studio.rows == {}


def test_a_run_that_begins_before_the_answer_is_seen(
    redis_connection: redis.Redis,
    redis_url: str,
    studio: StandInLabelStudio,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ask(question: str, *, yes: bool) -> None:
        show_run(redis_connection, str(key()))

    monkeypatch.setattr(asking, "ask", ask)

    with pytest.raises(BadRequest, match="prelabel"):
        tidy(redis_url)
    assert studio.writes == []


@pytest.mark.parametrize("rows", [1, 0])
def test_status_says_nothing_more_of_a_tidied_project(
    redis_connection: redis.Redis, redis_url: str, studio: StandInLabelStudio, rows: int
) -> None:
    """A task that failed there keeps nobody from well; also where somebody else has removed what was ours."""
    if not rows:
        studio.rows.clear()
        studio.found["model_version"] = ""
    FailedTasks(redis_connection).note(key(), {1: Failure("TaskError", "no", transient=False)})
    ProjectFigures(redis_connection).named(key(), "Shapes")
    OwedTasks(redis_connection).add(key(), [1] * rows, 0)

    tidy(redis_url, "--yes")

    told = read_overview(redis_connection)
    assert (told.projects, told.failed_images) == ((), 0)
