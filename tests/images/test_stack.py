"""A day of an installation: connected, pre-labelled, its worker, its Redis and its web process ended in the middle."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.pictures import rows_per_task
from tests.images.engine import Container
from tests.images.world import World, wait_until

TASKS = 120
#: A batch has few images, so that there is a middle to a run of 120.
SLOW = {"FIRSTPASS_BATCH_MAX": "4"}
ASKED = 8

Note = Callable[[str], None]


@pytest.fixture(autouse=True)
def _all_up(world: World) -> None:
    world.start_all(SLOW)


def stop_in_the_middle(world: World, before: int) -> int:
    """Stop the worker once it has answered some; gives how many wait still, which it does not change."""
    wait_until(lambda: world.results() > before, world.words)
    world.running["worker"].kill(signal.SIGSTOP)
    return world.waiting()


def check_rows(world: World, project: int, tasks: list[int], bulk: Container) -> None:
    assert bulk.wait() == 0, bulk.said
    assert rows_per_task(world.client, project) == dict.fromkeys(tasks, 1)


def test_connect_and_doctor_find_all_well(world: World) -> None:
    """`connect` makes the connection, and `doctor --project` has nothing to complain of."""
    project, _ = world.new_project("connected", 2)

    doctor = world.command("doctor", "--project", str(project))

    assert doctor.returncode == 0, doctor.stdout + doctor.stderr


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_a_workers_end_in_a_bulk_run_loses_and_doubles_nothing(
    world: World, signum: signal.Signals, note: Note
) -> None:
    """One of 120 rows each, although the only worker ends in the middle and another one takes its place."""
    project, tasks = world.new_project(f"worker: {signum.name}", TASKS)
    before = world.results()
    bulk = world.start_bulk(project)
    waiting = stop_in_the_middle(world, before)
    worker = world.running["worker"]
    worker.kill(signum)
    if signum is signal.SIGTERM:
        worker.kill(signal.SIGCONT)
    code = worker.wait()
    world.start("worker", SLOW)

    assert waiting > 0
    assert code == (0 if signum is signal.SIGTERM else 137)
    check_rows(world, project, tasks, bulk)
    note(f"worker ended by {signum.name} with {waiting} of {TASKS} waiting: {TASKS} rows, one each")


def test_redis_restarts_in_a_bulk_run(world: World, note: Note) -> None:
    """Killed and started again with its append-only file: the run goes on, and so do all processes."""
    project, tasks = world.new_project("redis restarts", TASKS)
    before = world.results()
    bulk = world.start_bulk(project)
    waiting = stop_in_the_middle(world, before)
    world.redis.kill()
    world.running["worker"].kill(signal.SIGCONT)
    world.redis.start()

    assert waiting > 0
    check_rows(world, project, tasks, bulk)
    assert [name for name in ("web", "courier", "worker") if not world.running[name].running] == []
    note(f"Redis killed and back with {waiting} of {TASKS} waiting: {TASKS} rows, one each")


def test_an_update_of_web_cuts_nobody_off(world: World, note: Note) -> None:
    """SIGTERM while requests wait: each has its answer (pending), and the courier delivers later."""
    # One more: `connect` tries the connection with a task, which has its row then.
    project, tasks = world.new_project("update", ASKED + 1)
    (tried,) = rows_per_task(world.client, project)
    bodies = [body for body in world.client.tasks(project) if body["id"] != tried]
    worker = world.running["worker"]
    worker.kill(signal.SIGSTOP)
    with ThreadPoolExecutor(ASKED) as people:
        answers = [people.submit(world.opened, project, body) for body in bodies]
        wait_until(lambda: world.waiting() >= ASKED, world.words)
        began = time.monotonic()
        code = world.end("web")
        seconds = time.monotonic() - began
        got = [answer.result() for answer in answers]
    worker.kill(signal.SIGCONT)
    world.start_all(SLOW)

    assert [answer.status_code for answer in got] == [200] * ASKED
    assert [answer.json()["results"] for answer in got] == [[[]]] * ASKED
    assert code == 0
    wait_until(lambda: rows_per_task(world.client, project) == dict.fromkeys(tasks, 1), world.words)
    note(
        f"web ended by SIGTERM under {ASKED} waiting requests in {seconds:.1f} s: 0 cut off, "
        f"{ASKED} delivered afterwards"
    )
