"""A worker that is started before its models are there, as `docker compose up` does it on a clean machine."""

from __future__ import annotations

import base64
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import redis

from backend.processes.children import free_port
from backend.queue.readiness import LOADING
from backend.status.reading import read_overview
from models.tiny.scenes import generate_scene
from tests.hub.machine import Machine
from tests.hub.test_walk import BOTH, CONFIG, REMEDY, SHORT, predictions

pytestmark = [pytest.mark.redis, pytest.mark.timeout(900)]

MISSING = "waits for its models: florence-2-base and clip-vit-b-32 are not in the cache"


def until(what: Callable[[], bool], *, s: float = 240) -> None:
    """Return once it is so; a busy machine is slow."""
    give_up = time.monotonic() + s
    while not what():
        assert time.monotonic() < give_up
        time.sleep(0.2)


def waits(connection: redis.Redis) -> list[str]:
    """What the workers wait for; those that load their models just now are left out."""
    cards = read_overview(connection).workers
    return [card.waits_for for card in cards if card.waits_for and card.state != LOADING]


def test_it_waits_says_so_everywhere_and_begins_when_they_come(
    machine: Machine, redis_url: str, redis_connection: redis.Redis, tmp_path: Path
) -> None:
    """No restart, by the command that is said; meanwhile nobody waits for answers that cannot come."""
    picture, port = tmp_path / "photo.png", free_port()
    generate_scene(3).image.save(picture)
    url = f"http://127.0.0.1:{port}"
    machine.more = {**SHORT, "REDIS_URL": redis_url, "FIRSTPASS_PORT": str(port)}
    machine.more |= {"FIRSTPASS_WAIT_S": "90", "FIRSTPASS_WAIT_MANY_S": "90"}

    with machine.start("worker") as worker, machine.start("web"):
        until(lambda: MISSING in waits(redis_connection))
        until(lambda: _reason(url) == f"the worker {MISSING}")
        told = _ready(url)
        assert (told.status_code, told.json()["remedy"]) == (
            503,
            REMEDY.join(("run ", " where there is network")),
        )
        asked = time.monotonic()
        body = {"tasks": [{"id": 1, "data": {"image": _data(picture)}}], "label_config": CONFIG}
        answer = httpx.post(f"{url}/predict", json=body, timeout=100, trust_env=False).json()
        assert answer["results"] == [[]]
        assert time.monotonic() - asked < 60  # and not the 90 s that a person may be kept waiting

        for command in (("status",), ("doctor",)):
            said = " ".join(machine.run(*command).stdout.split())
            assert "florence-2-base and clip-vit-b-32 are not in the cache" in said, command
            assert REMEDY in said, command
        alive = machine.run("health", "worker")
        assert (alive.returncode, MISSING in alive.stdout) == (0, True)
        assert "firstpass_workers_ready 0.0" in httpx.get(f"{url}/metrics", trust_env=False).text

        assert machine.run("models", "pull", *BOTH).returncode == 0
        until(lambda: _ready(url).status_code == 200)
        assert predictions(url, picture) == 1
        assert worker.poll() is None
        assert waits(redis_connection) == []
        assert machine.run("health", "worker").returncode == 0
        assert machine.run("health", "web").returncode == 0
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(120) == 0
        sick = machine.run("health", "worker")
        assert (sick.returncode, "no worker on this host" in sick.stderr) == (1, True)


def test_it_ends_at_once_while_it_waits(
    machine: Machine, redis_url: str, redis_connection: redis.Redis
) -> None:
    """With 0, and nothing of it stays in Redis."""
    with machine.start("worker", "--redis-url", redis_url) as worker:
        until(lambda: MISSING in waits(redis_connection))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    assert read_overview(redis_connection).workers == ()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "florence-3"), "expected one of tiny"),
        (("--device", "cuda:99"), "expected a device that this machine has"),
        (("--no-wait",), "never pulled whole"),
        (("--burst",), "never pulled whole"),
    ],
)
def test_what_never_comes_is_not_waited_for(
    machine: Machine, redis_url: str, options: tuple[str, ...], said: str
) -> None:
    """A wrong name or device ends the worker with 2 and a sentence."""
    done = machine.run("worker", "--redis-url", redis_url, *options)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("runs_in", "command"),
    [
        (
            "compose",
            "docker compose run --rm worker models pull florence-2-base clip-vit-b-32",
        ),
        ("container", "firstpass models pull florence-2-base clip-vit-b-32` in this container"),
    ],
)
def test_the_command_is_one_for_the_place(machine: Machine, runs_in: str, command: str) -> None:
    """In a container there is no `firstpass` at the reader's prompt."""
    done = machine.run("models", "check", FIRSTPASS_RUNS_IN=runs_in)

    assert done.returncode == 2
    assert command in done.stderr


def _ready(url: str) -> httpx.Response:
    return httpx.get(f"{url}/ready", timeout=30, trust_env=False)


def _reason(url: str) -> str:
    try:
        return str(_ready(url).json().get("reason"))
    except httpx.TransportError:  # it starts
        return ""


def _data(picture: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"
