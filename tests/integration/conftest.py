"""A real queue with stand-in workers in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from backend.queue.job_queue import JobQueue
from backend.queue.results import ResultListener
from backend.queue.submit import SubmitLimits, Submitter
from tests.integration.following import Follow

StartWorker = Callable[..., "subprocess.Popen[bytes]"]
REPOSITORY = Path(__file__).parents[2]


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
    started: list[subprocess.Popen[bytes]] = []
    with ExitStack() as stack:

        def start(**options: object) -> subprocess.Popen[bytes]:
            arguments = [
                text
                for name, value in options.items()
                for text in (f"--{name.replace('_', '-')}", str(value))
            ]
            log = stack.enter_context((tmp_path / f"worker-{len(started)}.log").open("wb"))
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.standin.worker", "--redis", redis_url, *arguments],
                cwd=REPOSITORY,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            started.append(process)
            return process

        yield start
        for process in started:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def job_queue(redis_connection: redis.Redis) -> Iterator[JobQueue]:
    listener = ResultListener(redis_connection)
    listener.start()
    limits = SubmitLimits(queue_limit=10_000, job_timeout_s=3600)
    yield JobQueue(redis_connection, Submitter(redis_connection, limits), listener)
    listener.close()
