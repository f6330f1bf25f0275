"""`/ready` tells a Redis that answers with an error from one that is silent, and what helps where it runs."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator

import pytest

from backend.processes.children import free_port
from backend.queue.connection import connect
from backend.web.monitor import QueueMonitor


class _Refusing(socketserver.ThreadingTCPServer):
    """Answers every command with one error, as a Redis does that reads its file."""

    allow_reuse_address = True
    daemon_threads = True


class _Answer(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while line := self.rfile.readline():
            for _ in range(2 * int(line[1:])):
                self.rfile.readline()
            self.wfile.write(b"-LOADING Redis is loading the dataset in memory\r\n")


@pytest.fixture
def loading() -> Iterator[int]:
    """The port of a Redis that has not read its file yet."""
    with _Refusing(("127.0.0.1", 0), _Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def looked(port: int, runs_in: str = "host") -> QueueMonitor:
    """The monitor after one look."""
    url = f"redis://127.0.0.1:{port}/0"
    monitor = QueueMonitor(connect(url, retries=0, runs_in=runs_in), runs_in=runs_in)
    monitor.start()
    monitor.close()
    return monitor


def test_a_redis_that_reads_its_file_is_not_said_to_be_silent(loading: int) -> None:
    unready = looked(loading).state.unready

    assert unready is not None
    assert unready.sentence == (
        "Redis is still reading its file; it answers as soon as that is done"
    )


@pytest.mark.parametrize(
    ("runs_in", "remedy"),
    [
        ("host", "see whether it runs, and whether FIRSTPASS_REDIS_URL is right"),
        (
            "compose",
            "`docker compose ps -a redis` and `docker compose logs redis` tell whether it runs",
        ),
        ("kubernetes", "`kubectl get pods -n firstpass` tells whether it runs"),
        ("systemd", "`systemctl status redis-server` tells whether it runs here"),
    ],
)
def test_the_remedy_is_one_for_the_place(runs_in: str, remedy: str) -> None:
    """Where nobody ever set FIRSTPASS_REDIS_URL it is not named."""
    unready = looked(free_port(), runs_in).state.unready

    assert unready is not None
    assert unready.reason == "Redis does not answer (ConnectionError)"
    assert unready.remedy.startswith(remedy)
    assert ("FIRSTPASS_REDIS_URL" in unready.remedy) == (runs_in == "host")
