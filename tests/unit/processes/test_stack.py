"""In which order the processes of one machine are started and ended."""

from __future__ import annotations

import pytest

from backend.processes.children import ManagedProcess, Program
from backend.processes.stack import Stack, start_stack
from backend.processes.supervisor import Supervisor
from backend.settings import load_settings


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
