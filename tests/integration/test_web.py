"""The web process itself, over real HTTP and a real Redis."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from backend.processes.children import free_port
from tests.conftest import StartRedis
from tests.integration.conftest import StartWorker

PATIENCE_S = 240.0
#: As often is looked, a tenth of a second apart, whether something has come to hold.
LOOKS = 2000
CONFIG = (
    '<View><Image name="img" value="$image"/>'
    '<RectangleLabels name="box" toName="img"><Label value="cat"/></RectangleLabels></View>'
)


@contextmanager
def web(redis_url: str, *, wait_s: float) -> Iterator[httpx.Client]:
    """A running `firstpass web`, and a client of it."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "backend.cli.main", "web"],
        env={
            "FIRSTPASS_REDIS_URL": redis_url,
            "FIRSTPASS_PORT": str(port),
            "FIRSTPASS_MODEL": "tiny",
            "FIRSTPASS_WAIT_S": str(wait_s),
            "FIRSTPASS_WAIT_MANY_S": str(wait_s),
        },
        cwd=Path(__file__).parents[2],
    )
    try:
        limits = httpx.Limits(max_connections=None)
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S, limits=limits, trust_env=False
        ) as client:
            _until_up(client)
            yield client
    finally:
        process.kill()
        process.wait()


def _until_up(client: httpx.Client) -> None:
    for _ in range(LOOKS):
        try:
            client.get("/health")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the web process did not come up")


def predict(client: httpx.Client, *names: str) -> httpx.Response:
    tasks = [
        {"id": i, "data": {"image": f"http://images.example/{name}"}}
        for i, name in enumerate(names)
    ]
    return client.post("/predict", json={"tasks": tasks, "label_config": CONFIG})


def test_health_and_setup_answer_while_a_hundred_requests_wait(redis_url: str) -> None:
    """Label Studio gives them one and three seconds; here nothing is ready for ninety."""
    with ThreadPoolExecutor(100) as pool, web(redis_url, wait_s=90) as client:
        waiting: list[Future[httpx.Response]] = [
            pool.submit(predict, client, f"ok-{i}") for i in range(100)
        ]
        _until_queued(client, 100)

        health = client.get("/health").json()
        setup = client.post("/setup", json={"schema": CONFIG}).json()

        assert health["status"] == "UP"
        assert setup["model_version"].startswith("tiny-")
        assert not any(future.done() for future in waiting)
    for future in waiting:
        future.exception()  # the web process was ended under it


def _until_queued(client: httpx.Client, count: int) -> None:
    for _ in range(LOOKS):
        if sum(client.get("/health").json()["queued"].values()) >= count:
            return
        time.sleep(0.1)
    pytest.fail(f"{count} jobs did not come to wait")


def test_without_a_worker_each_task_is_answered_empty_and_stays_queued(redis_url: str) -> None:
    """After the wait, not before; a worker that comes later finds the work."""
    with web(redis_url, wait_s=0.5) as client:
        reply = predict(client, "ok-1", "ok-2").json()

        assert reply["results"] == [[], []]
        _until_queued(client, 2)


def test_three_thousand_tasks_come_in_one_request(redis_url: str) -> None:
    """All are accepted and answered `[]`; all wait as bulk work."""
    with web(redis_url, wait_s=0.1) as client:
        reply = predict(client, *(f"ok-{i}" for i in range(3000))).json()

        assert reply["results"] == [[]] * 3000
        assert reply["errors"] == []
        _until_queued(client, 3000)


def test_a_prediction_arrives_through_a_worker(redis_url: str, start_worker: StartWorker) -> None:
    """From the request through the queue and back."""
    start_worker()
    with web(redis_url, wait_s=60) as client:
        (entry,) = predict(client, "ok-1").json()["results"]

    assert entry["result"][0]["value"]["rectanglelabels"] == ["cat"]


def test_redis_goes_and_comes_back(start_redis: StartRedis, tmp_path: Path) -> None:
    """503 while it is away, with `/health` saying so; then work is accepted again."""
    server = start_redis(tmp_path / "redis", {"appendonly": "yes"})
    with web(server.url(), wait_s=0.1) as client:
        assert predict(client, "ok-1").status_code == 200
        server.kill()
        _until_redis(client, "DOWN")

        refused = predict(client, "ok-2")

        assert refused.status_code == 503
        assert refused.json()["error"]["kind"] == "QueueUnavailable"
        server.start()
        _until_redis(client, "UP")
        assert predict(client, "ok-2").status_code == 200


def _until_redis(client: httpx.Client, state: str) -> None:
    for _ in range(LOOKS):
        if client.get("/health").json()["redis"] == state:
            return
        time.sleep(0.1)
    pytest.fail(f"/health did not come to call redis {state}")
