"""`/ready` tells a Redis that answers with an error from one that is silent, and what helps where it runs."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator

import pytest
import redis

from backend.processes.children import free_port
from backend.queue.clock import RedisClock
from backend.queue.connection import connect
from backend.queue.keys import QUEUES, WORKERS, worker_key
from backend.status.reading import read_workers
from backend.web.monitor import QueueMonitor
from tests.integration.test_web_end import until


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


class _Stumbles(RedisClock):
    """A clock of Redis that fails each time but the first and those after a good while."""

    def __init__(self, connection: redis.Redis) -> None:
        super().__init__(connection)
        self.asked = 0
        self.well = threading.Event()

    def __call__(self) -> float:
        self.asked += 1
        if self.asked > 1 and not self.well.is_set():
            raise LookupError("nobody thought of this")
        return super().__call__()


@pytest.mark.redis
def test_a_look_that_fails_leaves_the_last_state_and_the_next_look(
    redis_url: str, redis_connection: redis.Redis
) -> None:
    """By a fault that nobody foresaw: `/ready` does not say of Redis what is not so, and follows it again."""
    monitor = QueueMonitor(connect(redis_url), interval_s=0.01)
    clock = monitor._clock = _Stumbles(redis_connection)
    monitor.start()
    try:
        before = monitor.state
        until(lambda: clock.asked > 3)
        assert monitor.state == before
        assert before.redis_up

        redis_connection.rpush(f"rq:queue:{QUEUES[0]}", "a job")
        clock.well.set()
        until(lambda: monitor.state.depths[QUEUES[0]] == 1)
    finally:
        monitor.close()


@pytest.mark.redis
@pytest.mark.parametrize("figure", ["9" * 400, "nan", "many"])
def test_a_figure_past_any_in_a_workers_card_is_none(
    redis_url: str, redis_connection: redis.Redis, figure: str
) -> None:
    redis_connection.zadd(WORKERS, {"odd": 1.0})
    redis_connection.hset(worker_key("odd"), mapping={"images": figure, "rate_1m": figure})

    monitor = QueueMonitor(connect(redis_url))
    monitor.start()
    monitor.close()

    assert monitor.state.redis_up
    (card,) = read_workers(redis_connection)
    assert (card.images, card.rate_1m) == (0, 0.0)


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
