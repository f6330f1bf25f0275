"""In which order the processes of one machine are started and ended."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from backend.delivery.card import CourierCard
from backend.processes.children import ManagedProcess, Program
from backend.processes.stack import Stack, start_stack
from backend.processes.supervisor import Supervisor
from backend.settings import load_settings
from backend.status.overview import Overview, RedisView
from backend.status.plain import overview_json

CARD = CourierCard("here", 1, "http://127.0.0.1:1", 1.0, 1.0, 0, 0)


class Noted:
    """Takes the place of a process; notes that it ends."""

    def __init__(self, program: Program, ended: list[str]) -> None:
        self.program, self.name, self._ended = program, program.name, ended

    def wait_ready(self, ready: object, *, timeout_s: float) -> None:
        assert timeout_s > 0

    def stop(self, *, grace_s: float) -> None:
        self._ended.append(self.name)


def test_the_web_process_ends_first_then_workers_then_the_courier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So nothing new comes in, and what the workers finish finds a courier."""
    ended: list[str] = []
    monkeypatch.setattr(ManagedProcess, "start", lambda program: Noted(program, ended))
    settings = load_settings(
        redis_url="redis://127.0.0.1:1/0",
        label_studio_url="http://127.0.0.1:1",
        label_studio_api_key="token",
    )
    with Supervisor() as supervisor, start_stack(settings, supervisor, workers=2) as stack:
        assert isinstance(stack, Stack)

    assert ended == ["web", "worker-2", "worker-1", "courier"]


def test_what_a_person_waits_for_ends_at_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A courier or worker that waited for it would leave `firstpass up` without a word."""
    started: list[Program] = []

    def start(program: Program) -> Noted:
        started.append(program)
        return Noted(program, [])

    monkeypatch.setattr(ManagedProcess, "start", start)
    settings = load_settings(
        redis_url="redis://127.0.0.1:1/0",
        label_studio_url="http://127.0.0.1:1",
        label_studio_api_key="token",
    )
    with Supervisor() as supervisor, start_stack(settings, supervisor):
        pass

    waits = {one.name: "--no-wait" not in one.argv for one in started}
    assert waits == {"courier": False, "worker": False, "web": True}


@pytest.mark.parametrize(
    ("courier", "counts"),
    [(None, False), (CARD, True), (replace(CARD, unable=True, waiting="its token"), False)],
)
def test_a_courier_that_cannot_deliver_is_none(courier: CourierCard | None, counts: bool) -> None:
    """As the status of a web process shows it."""
    told = json.dumps(overview_json(Overview(1.0, RedisView(up=True), courier=courier))).encode()

    class Status(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *said: object) -> None:
            """Not here."""

    with HTTPServer(("127.0.0.1", 0), Status) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert Stack(f"http://127.0.0.1:{server.server_port}").has_courier is counts
        server.shutdown()
