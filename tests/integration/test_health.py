"""`firstpass health`: what restarts a container asks it, about the processes of this host."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest
import redis
from typer.testing import CliRunner

from backend.cli.main import app
from backend.delivery.card import CourierCard, write_card
from backend.processes.children import free_port
from backend.queue.clock import RedisClock
from backend.queue.vitals import Vitals
from backend.status.overview import read_overview
from tests.integration.conftest import StartWorker
from tests.integration.test_status import until

pytestmark = pytest.mark.redis

HOST = socket.gethostname()


@pytest.fixture(autouse=True)
def _redis(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)


@pytest.fixture
def dead_pid() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def health(part: str) -> tuple[int, str]:
    """The exit code and the one line of the command."""
    done = CliRunner().invoke(app, ["health", part])
    assert "Traceback" not in done.output
    return done.exit_code, " ".join(done.output.split())


def beat(connection: redis.Redis, name: str, **changes: object) -> None:
    """A worker has shown itself; this process, unless told otherwise."""
    vitals = Vitals(name, device="cpu", model="tiny", ttl_s=30, clock=RedisClock(connection))
    with connection.pipeline() as pipeline:
        vitals.publish(pipeline)
        if changes:
            pipeline.hset(f"firstpass:worker:{name}", mapping=changes)  # type: ignore[arg-type]
        pipeline.execute()


def courier(connection: redis.Redis, **changes: object) -> None:
    """A courier has shown itself; this process, unless told otherwise."""
    now = RedisClock(connection)()
    about = {"host": HOST, "pid": os.getpid(), "label_studio_url": "http://ls", "started_at": now}
    about |= {"seen_at": now, "stored": 1, "failed": 0, "waiting": None}
    write_card(connection, CourierCard(**{**about, **changes}))  # type: ignore[arg-type]


def test_a_worker_that_beats_is_alive_and_a_stopped_one_is_not(
    start_worker: StartWorker, redis_connection: redis.Redis
) -> None:
    """A real worker; held still, it falls silent."""
    worker = start_worker(lease_s=2)
    until(lambda: [card.state for card in read_overview(redis_connection).able] == ["idle"])
    assert health("worker") == (0, f"worker {HOST}:{worker.pid} is alive and idle")

    worker.send_signal(signal.SIGSTOP)
    until(lambda: health("worker")[0] == 1)
    worker.send_signal(signal.SIGCONT)
    until(lambda: health("worker")[0] == 0)


def test_a_waiting_worker_is_alive(redis_connection: redis.Redis) -> None:
    """A new one would wait as well."""
    beat(redis_connection, "one", state="waiting", waits_for="waits for its models: a is not there")

    assert health("worker") == (
        0,
        f"worker {HOST}:{os.getpid()} is alive and waits for its models: a is not there",
    )


def test_the_workers_of_other_hosts_and_of_before_count_for_nothing(
    redis_connection: redis.Redis, dead_pid: int
) -> None:
    """The card of a killed worker stands in Redis for a while."""
    beat(redis_connection, "elsewhere", host="gpu-box")
    beat(redis_connection, "killed", pid=dead_pid)

    code, said = health("worker")

    assert code == 1
    assert f"no worker on this host ({HOST})" in said


def test_one_silent_worker_of_several_is_enough(redis_connection: redis.Redis) -> None:
    beat(redis_connection, "one")
    beat(redis_connection, "two", pid=os.getppid(), seen_at=1.0)

    code, said = health("worker")

    assert (code, f"worker {HOST}:{os.getppid()} has been silent" in said) == (1, True)


@pytest.mark.parametrize("part", ["worker", "courier"])
def test_a_redis_that_is_away_makes_nobody_sick(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """To start them anew would cost the loaded models and help nobody."""
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")

    code, said = health(part)

    assert code == 0
    assert "Redis does not answer" in said
    assert "goes on when Redis is back" in said


def test_a_courier_finds_its_own_card_beside_anothers(redis_connection: redis.Redis) -> None:
    """Two are one too many, and no reason to end either."""
    courier(redis_connection)
    assert health("courier") == (
        0,
        f"courier {HOST}:{os.getpid()} is alive and delivers to http://ls",
    )

    courier(redis_connection, host="box", pid=7)
    code, said = health("courier")
    assert code == 0
    assert "another is at work too (box:7), and one is enough" in said


def test_a_courier_that_is_gone_is_missed(redis_connection: redis.Redis, dead_pid: int) -> None:
    """Killed, or silent for longer than its card stands."""
    courier(redis_connection, pid=dead_pid)
    courier(redis_connection, seen_at=RedisClock(redis_connection)() - 31)

    code, said = health("courier")

    assert (code, "no courier on this host" in said) == (1, True)


def test_a_web_process_that_does_not_answer_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTPASS_PORT", str(free_port()))

    code, said = health("web")

    assert (code, "/health: " in said) == (1, True)
