"""`/status` and its companions over HTTP, where Redis is down or slow."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backend.prediction.engine import engine_for
from backend.prediction.predictor import PredictorSettings
from backend.queue.connection import connect
from backend.queue.readiness import NotReady
from backend.service import PredictionService, RunningService, WaitLimits
from backend.settings import load_settings
from backend.status.overview import Overview
from backend.web.app import create_app
from backend.web.monitor import NO_REDIS, OLD_S, QueueMonitor, QueueState
from tests.standin.queue import StandInQueue
from tests.unit.web.overviews import overview


class SlowMonitor(QueueMonitor):
    """Its Redis answers when the test lets it."""

    def __init__(self) -> None:
        super().__init__(connect("redis://127.0.0.1:1/0", retries=0))
        self.asked, self.answers = threading.Event(), threading.Event()

    def overview(self) -> Overview:
        self.asked.set()
        self.answers.wait(20)
        return overview()


class KnownMonitor(QueueMonitor):
    """Saw what the test says, `ago` seconds ago."""

    def __init__(self, state: QueueState, ago: float = 0.0) -> None:
        now = [0.0]
        super().__init__(
            connect("redis://127.0.0.1:1/0", retries=0), monotonic=lambda: now[0], interval_s=600
        )
        self._state, self._now, self._ago = state, now, ago

    def start(self) -> None:
        super().start()
        self.state = self._state
        self._now[0] += 600 + self._ago


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def client(stack: ExitStack, monitor: QueueMonitor | None = None, **settings: Any) -> TestClient:
    """A client of an application whose Redis is down, unless its monitor says otherwise."""
    service = PredictionService(
        queue=StandInQueue(),
        predictors=PredictorSettings(engine_for("tiny"), 0.3, None),
        waits=WaitLimits(8, 1, 1),
    )
    running = RunningService(service, start=lambda: None, close=lambda: None)
    monitor = monitor or QueueMonitor(connect("redis://127.0.0.1:1/0", retries=0))
    return stack.enter_context(TestClient(create_app(load_settings(**settings), running, monitor)))


def test_without_redis_every_form_says_so(stack: ExitStack) -> None:
    """Page, JSON and metrics answer 200 with what is wrong, and name no address."""
    http = client(stack)

    page, told, metrics = http.get("/status"), http.get("/status.json"), http.get("/metrics")

    assert (page.status_code, told.status_code, metrics.status_code) == (200, 200, 200)
    assert "Redis does not answer" in page.text
    assert told.json()["ok"] is False
    assert "FIRSTPASS_REDIS_URL" in told.json()["problems"][0]
    assert "firstpass_redis_up 0.0" in metrics.text
    assert "127.0.0.1" not in page.text + told.text


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("text/html, application/json;q=0.5", "text/html; charset=utf-8"),
    ],
)
def test_status_is_what_the_caller_accepts(stack: ExitStack, accept: str, kind: str) -> None:
    """JSON for who wants that and no page; a page for browsers and for who does not say."""
    reply = client(stack).get("/status", headers={"Accept": accept})

    assert reply.headers["Content-Type"] == kind
    assert reply.headers["Vary"] == "Accept"


@pytest.mark.parametrize("path", ["/status", "/status.json", "/metrics"])
def test_the_status_is_behind_the_same_credentials(stack: ExitStack, path: str) -> None:
    """Image names and reasons are not for everybody."""
    http = client(stack, basic_auth_user="u", basic_auth_pass="p")

    assert http.get(path).status_code == 401
    assert http.get(path, auth=("u", "p")).status_code == 200


def test_the_page_may_load_and_run_nothing(stack: ExitStack) -> None:
    """The policy names the one style sheet by its hash."""
    policy = client(stack).get("/status").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy


def test_a_slow_redis_does_not_make_health_wait(stack: ExitStack) -> None:
    """`/health` is answered while more callers wait for a status than are read at a time."""
    monitor = SlowMonitor()
    http = client(stack, monitor)
    replies: list[int] = []
    waiting = [
        threading.Thread(target=lambda: replies.append(http.get("/status").status_code))
        for _ in range(6)
    ]
    for thread in waiting:
        thread.start()
    assert monitor.asked.wait(10)

    health = http.get("/health")

    assert health.json()["status"] == "UP"
    assert replies == []
    monitor.answers.set()
    for thread in waiting:
        thread.join(20)
    assert replies == [200] * 6


def test_ready_says_that_somebody_predicts(stack: ExitStack) -> None:
    reply = client(stack, KnownMonitor(QueueState(True, {}, 2, None), -1)).get("/ready")

    assert (reply.status_code, reply.json()) == (200, {"ready": True, "workers": 2})
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "unready",
    [
        NotReady("no worker is alive", "start one"),
        NO_REDIS,
        NotReady("the worker waits for its models", "run x", True),
    ],
)
def test_ready_says_why_nobody_predicts(stack: ExitStack, unready: NotReady) -> None:
    """With what to do; Label Studio goes on finding `/health` well."""
    http = client(stack, KnownMonitor(QueueState(True, {}, 0, unready), -1))

    reply = http.get("/ready")

    assert reply.status_code == 503
    told = {"ready": False, "workers": 0, "reason": unready.reason, "remedy": unready.remedy}
    assert reply.json() == told
    health = http.get("/health")
    assert (health.status_code, health.json()["status"]) == (200, "UP")


def test_what_was_seen_before_redis_hung_holds_no_longer(stack: ExitStack) -> None:
    """No new look has come for longer than looks take."""
    http = client(stack, KnownMonitor(QueueState(True, {}, 2, None), OLD_S + 1))

    reply = http.get("/ready")

    assert (reply.status_code, reply.json()["reason"]) == (503, NO_REDIS.reason)


@pytest.mark.parametrize("settings", [{"basic_auth_user": "u", "basic_auth_pass": "p"}, {}])
def test_a_probe_needs_no_credentials_and_no_known_name(
    stack: ExitStack, settings: dict[str, Any]
) -> None:
    """It holds no secret, and asks by an address; it may ask for readiness alone."""
    http = client(stack, **settings)
    probe = {"Host": "10.1.2.3:9090"}

    assert http.get("/ready", headers=probe).status_code == 503
    assert http.post("/ready", headers=probe).status_code in (401, 403)
    assert http.get("/status.json", headers=probe).status_code in (401, 403)


def test_without_redis_it_is_not_ready(stack: ExitStack) -> None:
    """By a look at a port where nothing listens; no address is told."""
    reply = client(stack).get("/ready")

    assert (reply.status_code, reply.json()["reason"]) == (
        503,
        "Redis does not answer (ConnectionError)",
    )
    assert "127.0.0.1" not in reply.text
