"""How the web process ends at a signal: real processes, real HTTP, a real Redis, no worker at work."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
import redis

from backend.delivery.owed import OwedTasks
from backend.label_studio.project_key import ProjectKey
from backend.processes.children import free_port
from backend.queue.keys import INTERACTIVE_QUEUE
from backend.web import ending
from backend.web.app import PREDICT_THREADS
from tests.integration.conftest import StartWorker
from tests.integration.test_web import CONFIG

pytestmark = pytest.mark.redis

PATIENCE_S = 240.0
#: What a person would wait; here nobody is to be answered by it.
WAIT_S = 90
WAITING = 40
MANY = 270
PROJECT = ProjectKey(4, 1795207698)
Answers = list[Future[httpx.Response]]


class Web:
    """A `firstpass web` that a test ends, and its callers."""

    def __init__(self, redis_url: str, log: Path, callers: ThreadPoolExecutor) -> None:
        self.port = free_port()
        self.log = log
        self._callers = callers
        with log.open("wb") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "backend.cli.main", "web"],
                env={
                    "FIRSTPASS_REDIS_URL": redis_url,
                    "FIRSTPASS_PORT": str(self.port),
                    "FIRSTPASS_MODEL": "tiny",
                    "FIRSTPASS_WAIT_S": str(WAIT_S),
                    # It has a token, so what is pending is owed; nobody is asked by it here.
                    "FIRSTPASS_LABEL_STUDIO_URL": "http://127.0.0.1:1",
                    "FIRSTPASS_LABEL_STUDIO_API_KEY": "token",
                },
                cwd=Path(__file__).parents[2],
                stdout=sink,
                stderr=sink,
            )
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            timeout=PATIENCE_S,
            limits=httpx.Limits(max_connections=None),
            trust_env=False,
        )
        until(self._is_up)

    def _is_up(self) -> bool:
        try:
            return self.client.get("/health").is_success
        except httpx.TransportError:
            return False

    def predict(self, tasks: int, **more: object) -> Answers:
        """So many requests of one task each, under way."""

        def ask(task: int) -> httpx.Response:
            data = {"image": f"http://images.example/ok-{task}"}
            body = {"tasks": [{"id": task, "data": data}], "label_config": CONFIG}
            return self.client.post("/predict", json={**body, "project": str(PROJECT), **more})

        return [self._callers.submit(ask, task) for task in range(1, tasks + 1)]

    def end(self, signum: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal; its exit code."""
        self.process.send_signal(signum)
        return self.process.wait(PATIENCE_S)

    def said(self) -> list[str]:
        """The events of its log."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [str(json.loads(line).get("event")) for line in lines]


@contextmanager
def running_web(redis_url: str, folder: Path) -> Iterator[Web]:
    with ThreadPoolExecutor(WAITING) as pool:
        web = Web(redis_url, folder / "web.log", pool)
        try:
            yield web
        finally:
            if web.process.poll() is None:
                web.process.kill()
            web.process.wait()
            web.client.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.05)


def queued(connection: redis.Redis) -> int:
    return int(connection.llen(f"rq:queue:{INTERACTIVE_QUEUE}"))


def test_all_who_wait_are_answered_as_pending_and_their_tasks_are_owed(
    redis_url: str, redis_connection: redis.Redis, tmp_path: Path
) -> None:
    """None is cut off; their jobs still wait, and a courier finds every task."""
    with running_web(redis_url, tmp_path) as web:
        waiting = web.predict(WAITING)
        until(lambda: queued(redis_connection) == WAITING)

        code = web.end()
        answers = [future.result() for future in waiting]

    assert code == 0
    assert [answer.status_code for answer in answers] == [200] * WAITING
    assert [answer.json() for answer in answers] == [{"results": [[]], "errors": []}] * WAITING
    assert queued(redis_connection) == WAITING
    owed = OwedTasks(redis_connection)
    assert sorted(owed.due(PROJECT, owed.now(), 1000)) == list(range(1, WAITING + 1))
    assert "ended before all was closed" not in web.said()


def test_more_wait_than_there_are_threads(
    redis_url: str, redis_connection: redis.Redis, tmp_path: Path
) -> None:
    """Those who have not even been asked about get their answer too; nobody is cut off."""
    with running_web(redis_url, tmp_path) as web, ExitStack() as stack:
        callers = [
            stack.enter_context(socket.create_connection(("127.0.0.1", web.port)))
            for _ in range(MANY)
        ]
        for task, caller in enumerate(callers):
            caller.sendall(post(task))
        until(lambda: queued(redis_connection) >= PREDICT_THREADS and all_read(web.port, MANY))

        code = web.end()
        statuses = [answer_of(caller).split(b" ", 2)[1] for caller in callers]

    assert code == 0
    # On a machine with no time for all of them some are told to ask again.
    assert set(statuses) <= {b"200", b"503"}
    assert b"200" in statuses


def post(task: int) -> bytes:
    """A request for one task, as it goes over the wire."""
    data = {"image": f"http://images.example/ok-{task}"}
    asked = {"tasks": [{"id": task, "data": data}], "label_config": CONFIG, "project": str(PROJECT)}
    body = json.dumps(asked)
    head = "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def answer_of(caller: socket.socket) -> bytes:
    """All that comes until the connection is closed."""
    caller.settimeout(PATIENCE_S)
    return b"".join(iter(lambda: caller.recv(1 << 16), b""))


def all_read(port: int, connections: int) -> bool:
    """Whether that port has so many connections, and has read all that they sent."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = [row[4] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"]
    return len(ours) >= connections and all(queues.endswith(":00000000") for queues in ours)


def test_a_worker_at_work_is_not_waited_for_and_what_it_does_is_owed(
    redis_url: str, redis_connection: redis.Redis, start_worker: StartWorker, tmp_path: Path
) -> None:
    """Its outcome is stored after the web process has ended, for the courier to fetch."""
    gate = tmp_path / "gate"
    start_worker(gate=gate, lease_s=60)
    with running_web(redis_url, tmp_path) as web:
        (waiting,) = web.predict(1)
        until(lambda: redis_connection.zcard(f"rq:wip:{INTERACTIVE_QUEUE}"))

        assert web.end() == 0
        assert waiting.result().json()["results"] == [[]]

    gate.touch()
    until(lambda: list(redis_connection.scan_iter("firstpass:result:*")))
    assert OwedTasks(redis_connection).count() == 1


def test_a_person_who_draws_gets_an_answer_without_a_suggestion(
    redis_url: str, redis_connection: redis.Redis, tmp_path: Path
) -> None:
    """With a context too; what is suggested is stored by nobody, so nothing is owed."""
    smart = CONFIG.replace("<RectangleLabels ", '<RectangleLabels smart="true" ')
    drawn = {
        "type": "rectanglelabels",
        "id": "new",
        "from_name": "box",
        "to_name": "img",
        "original_width": 100,
        "original_height": 100,
        "value": {"x": 1, "y": 1, "width": 50, "height": 50, "rectanglelabels": ["cat"]},
    }
    with running_web(redis_url, tmp_path) as web:
        (waiting,) = web.predict(1, label_config=smart, params={"context": {"result": [drawn]}})
        until(lambda: queued(redis_connection))

        assert web.end() == 0
        answer = waiting.result()

    assert answer.status_code == 200, answer.text
    assert OwedTasks(redis_connection).count() == 0


def test_an_upload_and_an_idle_connection_keep_it_from_nothing(
    redis_url: str, redis_connection: redis.Redis, tmp_path: Path
) -> None:
    """Whose body is still on its way is told to ask again; who comes later finds nobody."""
    head = (
        "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "Content-Length: 100000\r\n\r\n{"
    )
    with running_web(redis_url, tmp_path) as web:
        address = ("127.0.0.1", web.port)
        with socket.create_connection(address) as upload, closing(HTTPConnection(*address)) as idle:
            upload.sendall(head.encode())
            idle.request("GET", "/health")
            assert idle.getresponse().read()
            until(lambda: all_read(web.port, 2))

            code = web.end()

            assert answer_of(upload).startswith(b"HTTP/1.1 503 ")
            assert answer_of(idle.sock) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)

    assert code == 0


def test_it_ends_while_redis_hangs(
    redis_url: str, redis_connection: redis.Redis, tmp_path: Path
) -> None:
    """What could not be owed is no pending answer, which nobody would ever deliver, but a 503."""
    with running_web(redis_url, tmp_path) as web:
        waiting = web.predict(WAITING)
        until(lambda: queued(redis_connection) == WAITING)
        server = int(redis_connection.info("server")["process_id"])
        os.kill(server, signal.SIGSTOP)
        try:
            code = web.end()
        finally:
            os.kill(server, signal.SIGCONT)
        answers = [future.result() for future in waiting]

    assert code == 0
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.json()["error"]["kind"] for answer in answers} == {"Ending"}


def test_a_second_signal_ends_it_at_once(
    redis_url: str, redis_connection: redis.Redis, tmp_path: Path
) -> None:
    """Whatever it still waits for."""
    with running_web(redis_url, tmp_path) as web:
        server = int(redis_connection.info("server")["process_id"])
        (waiting,) = web.predict(1)
        until(lambda: queued(redis_connection))
        os.kill(server, signal.SIGSTOP)  # so that it does not end by itself before
        try:
            web.process.send_signal(signal.SIGTERM)
            until(lambda: "ending" in web.said())
            code = web.end(signal.SIGINT)
        finally:
            os.kill(server, signal.SIGCONT)
        assert isinstance(waiting.exception(), httpx.TransportError | None)

    assert code in (128 + signal.SIGINT, 0)


def test_the_times_fit_into_three_seconds() -> None:
    """What compose and Kubernetes are told is made of it."""
    assert ending.ANSWER_S < ending.END_S < 3
