"""Whatever is killed or stopped on the way: in the end each task has one row, against the real Label Studio."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.environment import repository
from backend.errors import LabelStudioUnavailable
from backend.processes.stack import settings_environment
from backend.settings import load_settings
from tests.e2e.killing import ALL, PATIENCE_S, Killable, killable, wait_until, wait_until_idle
from tests.e2e.pictures import BOXES, import_pictures, rows, rows_per_task

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def rig(label_studio_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killable]:
    settings = load_settings(model="tiny", wait_s=5, cpu_threads=1, lease_s=3)
    with killable(settings, label_studio_bin, tmp_path_factory.mktemp("kills")) as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_killed_yet(rig: Killable) -> None:
    rig.killed.clear()
    rig.wait_until_up()


def new_project(
    rig: Killable,
    title: str,
    tasks: int,
    *,
    distinct: int = 12,
    label_config: str = BOXES,
) -> tuple[int, list[int]]:
    """Its id and its tasks', with pictures of its own: cached ones would be done before any kill."""
    first, rig.pictures = rig.pictures, rig.pictures + distinct
    client = rig.both.client
    project = client.create_project(title, label_config)
    client.connect(project, rig.both.backend)
    return project, import_pictures(client, project, tasks, distinct=distinct, first=first)


def is_complete(client: LabelStudioClient, project: int, tasks: int) -> bool:
    """Whether there are as many rows as tasks; not while Label Studio is away."""
    try:
        return rows(client, project) >= tasks
    except LabelStudioUnavailable:
        return False


def settled_rows(rig: Killable, project: int, tasks: int) -> Counter[int]:
    """The rows per task, once they are there and no more come."""
    client = rig.both.client
    wait_until(lambda: is_complete(client, project, tasks))
    wait_until_idle(rig.both, project)
    return rows_per_task(client, project)


def test_everything_killed_twice_during_an_action_loses_and_doubles_nothing(
    rig: Killable,
) -> None:
    """Worker, courier, Redis, Label Studio and web, at random points; 1,000 tasks."""
    client = rig.both.client
    project, tasks = new_project(rig, "killed action", 1000, distinct=700)
    client.retrieve_predictions(project)

    in_time = rig.kill_all_twice(
        ALL, seed=5, every_s=1.2, done=lambda: is_complete(client, project, len(tasks))
    )

    assert settled_rows(rig, project, len(tasks)) == dict.fromkeys(tasks, 1)
    assert Counter(rig.killed) == dict.fromkeys(ALL, 2)
    assert in_time >= len(ALL)


def start_bulk(rig: Killable, project: int, home: Path) -> subprocess.Popen[bytes]:
    """`firstpass prelabel` on a project; its ledger lies in `home`, its words in `home`/said."""
    settings = rig.both.settings
    home.mkdir(exist_ok=True)
    with (home / "said").open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "backend.cli.main", "prelabel", "project", str(project)],
            env={
                **settings_environment(settings),
                "FIRSTPASS_HOME": str(home),
                "FIRSTPASS_REDIS_URL": (settings.home / "redis" / "url").read_text(),
                "PATH": "/usr/local/bin:/usr/bin:/bin",
            },
            cwd=repository(),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )


class RestartedBulk:
    """A bulk run that is started again by the same command when it was killed, or found nobody there."""

    def __init__(self, rig: Killable, project: int, home: Path) -> None:
        self._start = lambda: start_bulk(rig, project, home)
        self.process = self._start()
        self.kills = 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.kills += 1
        self.process = self._start()

    def wait(self) -> int:
        """Its exit code; while what it is started on is down itself, it is started again."""
        deadline = time.monotonic() + PATIENCE_S
        while self.process.wait(PATIENCE_S) != 0 and time.monotonic() < deadline:
            time.sleep(1)
            self.process = self._start()
        return self.process.wait(PATIENCE_S)


def test_everything_killed_twice_during_a_bulk_run_loses_and_doubles_nothing(
    rig: Killable, tmp_path: Path
) -> None:
    """The command itself, worker, courier, Redis and Label Studio, at random points; 1,000 tasks."""
    client = rig.both.client
    project, tasks = new_project(rig, "killed bulk run", 1000, distinct=1000)
    bulk = RestartedBulk(rig, project, tmp_path / "home")

    in_time = rig.kill_all_twice(
        ("prelabel", "worker", "courier", "redis", "label-studio"),
        seed=11,
        every_s=1.5,
        done=lambda: is_complete(client, project, len(tasks)),
        own={"prelabel": bulk.kill},
    )

    assert bulk.wait() == 0, (tmp_path / "home" / "said").read_text()[-3000:]
    assert settled_rows(rig, project, len(tasks)) == dict.fromkeys(tasks, 1)
    assert bulk.kills == 2
    assert in_time >= 5


def test_a_bulk_run_an_action_and_twelve_people_at_once_double_nothing(
    rig: Killable, tmp_path: Path
) -> None:
    """All of them ask for the same tasks at the same time."""
    client = rig.both.client
    project, tasks = new_project(rig, "all at once", 600, distinct=300)
    bulk = start_bulk(rig, project, tmp_path / "home")

    with ThreadPoolExecutor(13) as people:
        chance = random.Random(3)
        action = people.submit(client.retrieve_predictions, project)
        opened = list(people.map(client.task, [chance.choice(tasks) for _ in range(72)]))
        action.result()

    assert len(opened) == 72
    assert bulk.wait(PATIENCE_S) == 0, (tmp_path / "home" / "said").read_text()[-3000:]
    assert settled_rows(rig, project, len(tasks)) == dict.fromkeys(tasks, 1)


def test_a_label_studio_that_hangs_for_a_minute_is_waited_for(
    rig: Killable, tmp_path: Path
) -> None:
    """It is stopped in the middle of a bulk run and of a late delivery; both go on where they were."""
    client = rig.both.client
    project, tasks = new_project(rig, "hanging", 700, distinct=400)
    late, late_tasks = new_project(rig, "hanging, late", 300)
    bulk = start_bulk(rig, project, tmp_path / "home")
    client.retrieve_predictions(late)
    wait_until(lambda: rows(client, project) > 0)

    process = rig.process("label-studio")
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(60)
    os.kill(process.pid, signal.SIGCONT)

    assert bulk.wait(PATIENCE_S) == 0, (tmp_path / "home" / "said").read_text()[-3000:]
    assert settled_rows(rig, project, len(tasks)) == dict.fromkeys(tasks, 1)
    assert settled_rows(rig, late, len(late_tasks)) == dict.fromkeys(late_tasks, 1)


def test_nested_choices_arrive_although_the_import_drops_them(rig: Killable) -> None:
    """Label Studio checks them as flat ones there, so they go one by one."""
    client = rig.both.client
    nested = """
        <Choices name="kind" toName="image" allowNested="true">
          <Choice value="shape"><Choice value="star"/><Choice value="circle"/></Choice>
          <Choice value="ground"><Choice value="grass"/></Choice>
        </Choices>
        </View>"""
    project, tasks = new_project(rig, "nested", 12, label_config=BOXES.replace("</View>", nested))

    client.retrieve_predictions(project)

    assert settled_rows(rig, project, len(tasks)) == dict.fromkeys(tasks, 1)
    for row in client.predictions(project):
        (choice,) = [one for one in row["result"] if one["from_name"] == "kind"]
        assert all(isinstance(path, list) for path in choice["value"]["choices"])
