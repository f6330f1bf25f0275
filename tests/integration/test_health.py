"""`firstpass health`: what restarts a container asks it, about the processes of this host."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner

from backend.cli.health import TIMEOUT_S
from backend.cli.main import app
from backend.delivery.card import CourierCard, write_card
from backend.processes.children import free_port
from backend.queue.clock import RedisClock
from backend.queue.vitals import Vitals
from backend.status.reading import read_overview
from tests.integration.conftest import StartWorker
from tests.integration.test_status import until
from tests.redis_process import RedisProcess

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


def test_a_killed_worker_whose_id_another_has_now_counts_for_nothing(
    redis_connection: redis.Redis,
) -> None:
    """A container started again has the same name, and its process the same id."""
    beat(redis_connection, "killed", started_at=1.0, seen_at=40.0)
    beat(redis_connection, "new")

    assert health("worker")[0] == 0


@pytest.mark.parametrize("pid", [0, -1, 10**30])
def test_an_id_that_no_process_has_is_nobodys(redis_connection: redis.Redis, pid: int) -> None:
    beat(redis_connection, "odd", pid=pid)

    code, said = health("worker")

    assert (code, "no worker on this host" in said) == (1, True)


@pytest.mark.parametrize("part", ["worker", "courier"])
def test_a_redis_that_is_away_makes_nobody_sick(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """To start them anew would cost the loaded models and help nobody."""
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")

    code, said = health(part)

    assert code == 0
    assert "Redis does not answer" in said
    assert "goes on when Redis is back" in said


@pytest.mark.parametrize("part", ["worker", "courier"])
def test_a_redis_that_hangs_is_waited_for_less_than_a_check_waits(
    monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """It takes connections and says nothing; all time-outs of connecting and asking together keep to one bound."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("REDIS_URL", f"redis://:x@127.0.0.1:{silent.getsockname()[1]}/0")
        code, said = health(part)

    assert code == 0
    assert f"Redis has not answered within {TIMEOUT_S:g} s" in said


def test_the_bound_is_less_than_every_check_gives() -> None:
    """Those of the image, of compose and of Kubernetes; the command itself starts within the rest."""
    root = Path(__file__).parents[2] / "docker"
    given = [
        *re.findall(r"--timeout=(\d+)s", (root / "Dockerfile").read_text()),
        *re.findall(
            r'"firstpass", "health".*?timeout: (\d+)s', (root / "compose.yaml").read_text(), re.S
        ),
    ]
    for path in (root / "kubernetes" / "base").glob("*.yaml"):
        given += re.findall(r"firstpass, health.*?timeoutSeconds: (\d+)", path.read_text(), re.S)

    assert len(given) >= 5
    assert min(map(int, given)) >= 2 * TIMEOUT_S


#: Runs the command, and says what is imported while its time runs.
WATCHED = """
import sys, threading
late = []
class Finder:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread().name == "look":
            late.append(name)
sys.meta_path.insert(0, Finder())
from backend.cli.main import app
try:
    app(["health", sys.argv[1]], standalone_mode=False)
finally:
    ours = sorted(n for n in late if n.partition(".")[0] not in sys.stdlib_module_names)
    print("imported while the time ran:", *ours)
"""


class _Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"redis": "up", "workers": 1}')

    def log_message(self, *said: object) -> None:
        """Not here."""


@pytest.mark.parametrize("part", ["web", "worker", "courier"])
def test_the_time_of_an_answer_is_not_spent_on_imports(
    redis_connection: redis.Redis, redis_url: str, part: str
) -> None:
    """On a busy host these take longer than the bound, and the process was never asked."""
    beat(redis_connection, "one")
    courier(redis_connection)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = subprocess.run(
            [sys.executable, "-c", WATCHED, part],
            env={
                "PATH": os.defpath,
                "REDIS_URL": redis_url,
                "FIRSTPASS_PORT": str(server.server_port),
            },
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        server.shutdown()

    said, late = done.stdout.splitlines()
    assert re.search("the web process answers|is alive and", said), done.stderr
    assert late.split(":")[1].split() == []


@pytest.mark.parametrize("part", ["worker", "courier"])
def test_a_refused_password_is_not_said_to_pass_by_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, part: str
) -> None:
    """Redis is there; what helps is its password."""
    server = RedisProcess(tmp_path / "redis", {"requirepass": "right"})
    server.start()
    try:
        monkeypatch.setenv("REDIS_URL", f"redis://:wrong@127.0.0.1:{server.port}/0")
        code, said = health(part)
    finally:
        server.end()

    assert code == 0
    assert "Redis refused (" in said
    assert (
        "goes on once Redis takes its password, or once this process is started again with the right one"
        in said
    )
    assert "when Redis is back" not in said


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
    assert "another is there too (box:7), and one is enough" in said


def test_a_courier_that_waits_to_take_over_does_not_say_that_it_delivers(
    redis_connection: redis.Redis, dead_pid: int
) -> None:
    """Nor does one that was killed here count as another."""
    courier(redis_connection, stands_by=True)
    courier(redis_connection, pid=dead_pid)

    assert health("courier") == (
        0,
        f"courier {HOST}:{os.getpid()} is alive and waits to take over from another",
    )


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
