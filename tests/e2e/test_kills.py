"""Whatever is killed or stopped on the way: in the end each task has one row, against the real Label Studio."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.demo.client import LabelStudioClient
from backend.errors import LabelStudioUnavailable
from backend.settings import load_settings
from tests.e2e.killing import ALL, Killable, killable, wait_until
from tests.e2e.pictures import BOXES, import_pictures, rows_per_task


@pytest.fixture(scope="module")
def rig(label_studio_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killable]:
    settings = load_settings(model="tiny", wait_s=5, cpu_threads=1, lease_s=3)
    with killable(settings, label_studio_bin, tmp_path_factory.mktemp("kills")) as made:
        yield made


def new_project(
    rig: Killable, title: str, tasks: int, *, distinct: int = 12
) -> tuple[int, list[int]]:
    client = rig.both.client
    project = client.create_project(title, BOXES)
    client.connect(project, rig.both.backend)
    return project, import_pictures(client, project, tasks, distinct=distinct)


def is_complete(client: LabelStudioClient, project: int, tasks: int) -> bool:
    """Whether each task has a row; not while Label Studio is away."""
    try:
        return len(rows_per_task(client, project)) == tasks
    except LabelStudioUnavailable:
        return False


def settled_rows(client: LabelStudioClient, project: int, tasks: int) -> Counter[int]:
    """The rows per task, once there is one for each, and a while later."""
    wait_until(lambda: is_complete(client, project, tasks), 300)
    time.sleep(5)
    return rows_per_task(client, project)


def test_everything_killed_twice_during_an_action_loses_and_doubles_nothing(
    rig: Killable,
) -> None:
    """Worker, courier, Redis, Label Studio and web, at random points; 2,000 tasks."""
    client = rig.both.client
    project, tasks = new_project(rig, "killed action", 2000, distinct=1000)
    client.retrieve_predictions(project)

    in_time = rig.kill_all_twice(
        ALL, seed=5, every_s=2, done=lambda: is_complete(client, project, len(tasks))
    )

    assert settled_rows(client, project, len(tasks)) == dict.fromkeys(tasks, 1)
    assert Counter(rig.killed) == dict.fromkeys(ALL, 2)
    assert in_time >= len(ALL)


def test_a_label_studio_that_hangs_for_a_minute_is_waited_for(rig: Killable) -> None:
    """It is stopped in the middle of the delivery, and goes on where it was."""
    client = rig.both.client
    project, tasks = new_project(rig, "hanging", 1200)
    client.retrieve_predictions(project)
    wait_until(lambda: len(rows_per_task(client, project)) > 0, 120)

    process = rig.process("label-studio")
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(60)
    os.kill(process.pid, signal.SIGCONT)

    assert settled_rows(client, project, len(tasks)) == dict.fromkeys(tasks, 1)
