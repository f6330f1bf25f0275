"""Another program's value under a key of ours: its key is named, with what to do, and nothing else is taken down."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import redis

from backend.delivery.keys import CHANGED, COURIERS, OWING, PUT_OFF
from backend.processes.children import free_port
from backend.queue.keys import (
    BELL,
    DRAINED,
    FAILURE_KINDS,
    FAILURES,
    FAILURES_BY_TIME,
    HISTOGRAMS,
    SUBMISSIONS,
    WORKERS,
)
from backend.status.reading import read_overview
from tests import forks
from tests.e2e.pictures import BOXES, picture
from tests.forks import Forked
from tests.integration.conftest import StartCommand
from tests.integration.test_web_end import until

pytestmark = pytest.mark.redis

NAMES = ("web", "worker", "courier")
QUEUE = "rq:queue:firstpass-interactive"
ALL_QUEUES = "rq:queues"
#: It is no picture, which fails for good.
BROKEN = "data:image/png;base64,AAAA"


@dataclass(frozen=True)
class Running:
    """The three processes over one Redis."""

    url: str
    environment: dict[str, str]
    processes: dict[str, Forked]
    logs: dict[str, Path]

    def log(self, name: str) -> str:
        return self.logs[name].read_text()

    def ready(self) -> dict[str, object]:
        told: dict[str, object] = httpx.get(f"{self.url}/ready", trust_env=False, timeout=30).json()
        return told

    def run(self, *command: str) -> str:
        done = forks.run(*command, env=self.environment | {"COLUMNS": "600"}, timeout_s=240)
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def running(redis_url: str, redis_connection: redis.Redis, start_command: StartCommand) -> Running:
    port = free_port()
    environment = {
        "PATH": os.defpath,
        "REDIS_URL": redis_url,
        "FIRSTPASS_MODEL": "tiny",
        "FIRSTPASS_LEASE_S": "2",
        "FIRSTPASS_PORT": str(port),
        "FIRSTPASS_LABEL_STUDIO_URL": "http://127.0.0.1:1",
        "FIRSTPASS_LABEL_STUDIO_API_KEY": "0" * 40,
    }
    started = {name: start_command(name, env=environment) for name in NAMES}
    made = Running(
        f"http://127.0.0.1:{port}",
        environment,
        {name: process for name, (process, _) in started.items()},
        {name: log for name, (_, log) in started.items()},
    )
    until(lambda: read_overview(redis_connection).able)
    until(lambda: read_overview(redis_connection).courier is not None)
    until(lambda: "courier ready" in made.log("courier"))
    until(lambda: _is_ready(made))
    return made


def _is_ready(running: Running) -> bool:
    try:
        return bool(running.ready()["ready"])
    except httpx.HTTPError:
        return False


#: Who meets it, by key.
KEYS = {
    WORKERS: ("ready", "worker", "status"),
    QUEUE: ("ready", "predict", "worker", "status"),
    ALL_QUEUES: ("predict",),
    BELL: ("predict", "worker"),
    DRAINED: ("worker",),
    HISTOGRAMS: ("worker", "status"),
    SUBMISSIONS: ("web", "status"),
    FAILURES: ("worker", "status"),
    FAILURES_BY_TIME: ("worker", "status"),
    FAILURE_KINDS: ("worker", "status"),
    COURIERS: ("courier",),
    CHANGED: ("courier",),
    OWING: ("courier", "status"),
    PUT_OFF: ("status",),
}
#: Figures, without which images are answered all the same.
FIGURES = (WORKERS, HISTOGRAMS, SUBMISSIONS, FAILURES, FAILURES_BY_TIME, FAILURE_KINDS)


def predict(running: Running, image: str) -> str:
    """What is said of one task."""
    return httpx.post(
        f"{running.url}/predict",
        json={"tasks": [{"id": 1, "data": {"image": image}}], "label_config": BOXES},
        trust_env=False,
        timeout=100,
    ).text


def test_a_foreign_value_is_named_and_nobody_ends(
    running: Running, redis_connection: redis.Redis
) -> None:
    """By the processes that meet it, `/ready`, `/predict` and `status`; when it is gone, all is as before."""
    for number, (key, told_by) in enumerate(KEYS.items()):
        redis_connection.delete(key)
        redis_connection.set(key, "a value of another program")
        said = re.compile(
            rf"n Redis (\S+ \(\w+\) or )*{key}( \(\w+\))?( or \S+ \(\w+\))* holds something else"
        )
        if key in FIGURES:
            assert json.loads(predict(running, picture(number)))["results"] != [[]]
            assert json.loads(predict(running, BROKEN + "A" * 4 * number))["results"] == [[]]
        for who in told_by:
            if who == "ready":
                until(lambda said=said: said.search(str(running.ready().get("reason"))))  # type: ignore[misc]
            elif who == "predict":
                assert said.search(predict(running, picture(number)))
            elif who == "status":
                assert said.search(" ".join(running.run("status").split()))
            else:
                until(lambda said=said, who=who: said.search(running.log(who)))  # type: ignore[misc]
        assert {name: one.poll() for name, one in running.processes.items()} == dict.fromkeys(NAMES)
        assert "Redis does not answer" not in str(running.ready())
        redis_connection.delete(key)
        until(lambda: _is_ready(running))
        until(lambda: read_overview(redis_connection).able)
    assert read_overview(redis_connection).foreign == ()
    assert {name: one.poll() for name, one in running.processes.items()} == dict.fromkeys(NAMES)
    for name in NAMES:
        assert "Traceback" not in running.log(name)


def test_a_foreign_value_of_one_project_holds_that_one_up(
    running: Running, redis_connection: redis.Redis
) -> None:
    """It is put off with its key; the others are gone on with, and so is what follows label configs."""
    redis_connection.sadd(OWING, "7.1795207698")
    redis_connection.zadd("firstpass:delivery:owed:7.1795207698", {"1": 1})
    redis_connection.set("firstpass:delivery:tries:7.1795207698", "a value of another program")

    said = running.run("owed")

    assert "in Redis firstpass:delivery:tries:7.1795207698 holds something else" in said
    assert running.processes["courier"].poll() is None


@pytest.mark.parametrize("key", [WORKERS, QUEUE])
def test_a_worker_starts_beside_a_foreign_value(
    redis_url: str, redis_connection: redis.Redis, start_command: StartCommand, key: str
) -> None:
    """It stays up, and works as soon as that is gone."""
    redis_connection.set(key, "a value of another program")
    environment = {"PATH": os.defpath, "REDIS_URL": redis_url, "FIRSTPASS_MODEL": "tiny"}
    worker, log = start_command("worker", env=environment | {"FIRSTPASS_LEASE_S": "2"})

    until(lambda: "worker ready" in log.read_text())
    until(lambda: "holds something else than Firstpass keeps there" in log.read_text())
    assert worker.poll() is None
    redis_connection.delete(key)
    until(lambda: read_overview(redis_connection).able)
