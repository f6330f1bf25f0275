"""Firstpass on one machine: a Redis, web, workers and courier as children of one supervisor."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from backend.processes.children import Program
from backend.processes.redis_server import embedded_redis
from backend.processes.supervisor import Supervisor
from backend.settings import Settings, variable_name

__all__ = ["Stack", "settings_environment", "start_stack"]

WEB_READY_S = 60.0
#: Loading a large model from a cold disk takes minutes.
WORKER_READY_S = 600.0
COURIER_READY_S = 60.0

#: What a child must take from its parent's settings alone, whatever the surroundings say.
_SETTINGS_VARIABLES = ("FIRSTPASS_", "REDIS_URL", "LABEL_STUDIO_")


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the web process listens, as seen from this machine, and what it wants to be told."""

    url: str
    auth: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def answers(self) -> bool:
        """Whether the web process answers."""
        return self._get("/health") is not None

    @property
    def workers(self) -> int:
        """How many workers are alive; 0 while the web process does not answer."""
        health = self._get("/health")
        return int(health["workers"]) if health else 0

    @property
    def has_courier(self) -> bool:
        """Whether a courier is alive that has what it needs to deliver."""
        status = self._get("/status.json")
        courier = status["delivery"]["courier"] if status else None
        return courier is not None and not courier["unable"]

    def _get(self, path: str) -> dict[str, Any] | None:
        # Plain HTTP on this machine. Reading all authorities for each look takes longer than the look.
        none = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            answer = httpx.get(
                f"{self.url}{path}", auth=self.auth, timeout=2, trust_env=False, verify=none
            )
            body = answer.json() if answer.is_success else None
        except (httpx.HTTPError, ValueError):
            return None
        return body if isinstance(body, dict) else None


@contextmanager
def start_stack(
    settings: Settings, supervisor: Supervisor, *, workers: int = 1, logs: Path | None = None
) -> Iterator[Stack]:
    """All of it, ready: the web process answers, the workers have loaded their models, the courier is up.

    Without `redis_url` in the settings an embedded Redis is among the children. With `logs` each
    child writes to a file there, else to our standard error. The supervisor ends the children.
    Raises `ProcessFailed` when a child does not get ready.
    """
    if settings.redis_url is None:
        with embedded_redis(settings.home, supervisor) as url:
            yield _start(_with_redis(settings, url), supervisor, workers, logs)
    else:
        yield _start(settings, supervisor, workers, logs)


def settings_environment(settings: Settings) -> dict[str, str]:
    """The variables that give a child the settings that were given here, secrets included."""
    return {
        variable_name(name): _as_text(getattr(settings, name))
        for name in sorted(settings.model_fields_set)
        if getattr(settings, name) is not None
    }


def _start(settings: Settings, supervisor: Supervisor, workers: int, logs: Path | None) -> Stack:
    environment = settings_environment(settings)

    def program(command: str, *options: str, number: int | None = None) -> Program:
        name = command if number is None else f"{command}-{number}"
        return Program(
            name=name,
            argv=(sys.executable, "-m", "backend.cli.main", command, *options),
            env=environment,
            drop_env=_SETTINGS_VARIABLES,
            log=logs / f"{name}.log" if logs else None,
        )

    stack = Stack(settings.local_url, _auth(settings))
    # Ended the other way round: nothing new comes in, what is in work is finished, and the courier has seen it.
    # What is missing ends this start with a sentence: a person waits for it at a terminal.
    courier = (
        supervisor.start(program("courier", "--no-wait"), restart=True)
        if settings.delivers
        else None
    )
    loading = [
        supervisor.start(
            program("worker", "--no-wait", number=number if workers > 1 else None), restart=True
        )
        for number in range(1, workers + 1)
    ]
    supervisor.start(
        program("web"),
        ready=lambda: stack.answers,
        timeout_s=WEB_READY_S,
        restart=True,
    )
    if courier is not None:
        courier.wait_ready(lambda: stack.has_courier, timeout_s=COURIER_READY_S)
    for process in loading:
        process.wait_ready(lambda: stack.workers >= workers, timeout_s=WORKER_READY_S)
    return stack


def _with_redis(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"redis_url": SecretStr(url)})


def _auth(settings: Settings) -> tuple[str, str] | None:
    if settings.basic_auth_user is None or settings.basic_auth_pass is None:
        return None
    return settings.basic_auth_user, settings.basic_auth_pass.get_secret_value()


def _as_text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)
