"""A real queue with stand-in workers in processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest
import redis

from backend.queue.job_queue import JobQueue
from backend.queue.results import ResultListener
from backend.queue.submit import SubmitLimits, Submitter
from backend.queue.window import RECHECK_S
from tests import forks
from tests.forks import Forked
from tests.integration.following import Follow
from tests.standin.worker_process import start_worker_process

StartWorker = Callable[..., Forked]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real processes are waited for long: on a busy machine all of them start slowly."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Follow:
    """Sets a variable that a sentence names."""
    return lambda variable, value: monkeypatch.setenv(variable, str(value))


@pytest.fixture
def start_worker(redis_url: str, tmp_path: Path) -> Iterator[StartWorker]:
    """Starts stand-in workers; ends those that still run, by their ids."""
    started: list[Forked] = []

    def start(**options: object) -> Forked:
        arguments = [
            text
            for name, value in options.items()
            for text in (f"--{name.replace('_', '-')}", str(value))
        ]
        log = tmp_path / f"worker-{len(started)}.log"
        started.append(start_worker_process(["--redis", redis_url, *arguments], log))
        return started[-1]

    yield start
    for process in started:
        process.end()


class StartCommand(Protocol):
    """Starts a command of ours with these variables and no others; gives it and its log."""

    def __call__(self, *command: str, env: Mapping[str, str]) -> tuple[Forked, Path]: ...


@pytest.fixture
def start_command(tmp_path: Path) -> Iterator[StartCommand]:
    """Starts real commands that go on; ends those that still run, by their ids."""
    started: list[Forked] = []

    def start(*command: str, env: Mapping[str, str]) -> tuple[Forked, Path]:
        log = tmp_path / f"{command[0]}-{len(started)}.log"
        started.append(forks.start(*command, env=env, out=log, models=command[0] == "worker"))
        return started[-1], log

    yield start
    for process in started:
        process.end()


@pytest.fixture
def job_queue(redis_connection: redis.Redis, request: pytest.FixtureRequest) -> Iterator[JobQueue]:
    """A client of the workers; a parameter says how often it looks for itself."""
    listener = ResultListener(redis_connection)
    listener.start()
    limits = SubmitLimits(queue_limit=10_000, job_timeout_s=3600)
    recheck_s = getattr(request, "param", RECHECK_S)
    submitter = Submitter(redis_connection, limits)
    yield JobQueue(redis_connection, submitter, listener, recheck_s=recheck_s)
    listener.close()
