"""`firstpass up`: one command, everything running, nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from backend.processes.children import free_port
from backend.processes.redis_server import running_redis
from backend.processes.stack import settings_environment
from backend.settings import load_settings

READY_S = 300


@contextmanager
def firstpass_up(home: Path, *options: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """The command running; killed on exit if it still does."""
    surroundings = {key: value for key, value in os.environ.items() if key != "REDIS_URL"}  # noqa: TID251
    with (
        (home.parent / "stderr").open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "backend.cli.main", "up", "--home", str(home), *options],
            env={**surroundings, "FIRSTPASS_MODEL": "tiny", **env},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def health(url: str) -> dict[str, object]:
    answer: dict[str, object] = httpx.get(f"{url}/health", timeout=READY_S, trust_env=False).json()
    return answer


@pytest.mark.redis
def test_it_says_its_url_works_restarts_a_killed_worker_and_leaves_nothing(tmp_path: Path):
    """From the ready line to Ctrl-C."""
    home, port = tmp_path / "home", free_port()
    with firstpass_up(home, "--port", str(port)) as process:
        line = first_line(process)
        assert re.search(rf"ready.* http://127\.0\.0\.1:{port} ", line), line
        url = f"http://127.0.0.1:{port}"
        assert health(url)["workers"] == 1
        until(lambda: running_redis(home) is not None)

        workers = [pid for pid, line in children(process.pid).items() if " worker" in line]
        os.kill(workers[0], signal.SIGKILL)
        until(lambda: has_another_worker(process.pid, than=workers[0]))

        started = list(children(process.pid))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=READY_S) == 0

    assert running_redis(home) is None
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.parametrize("model", ["/no/such/folder", "florence-2-base"])
def test_a_missing_checkpoint_is_said_before_anything_starts(tmp_path: Path, model: str):
    """The registry's own sentence, status 2, and no Redis, web or worker."""
    caches = {"HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path)}
    with firstpass_up(tmp_path / "home", FIRSTPASS_MODEL=model, **caches) as process:
        assert process.wait(timeout=READY_S) == 2

    said = (tmp_path / "stderr").read_text()
    assert said.startswith("firstpass: expected")
    assert model in said
    assert "Traceback" not in said
    assert not (tmp_path / "home").exists()


def test_a_port_in_use_is_said_before_anything_starts(tmp_path: Path):
    """Label Studio would talk to a stranger otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with firstpass_up(tmp_path / "home", "--port", str(port)) as process:
            assert process.wait(timeout=READY_S) == 2

    assert f"127.0.0.1:{port} is in use" in (tmp_path / "stderr").read_text()
    assert not (tmp_path / "home").exists()


def test_children_get_the_settings_that_were_given(monkeypatch: pytest.MonkeyPatch):
    """What the environment of a child says is what was set here, secrets and lists included."""
    given = load_settings(
        model="tiny",
        basic_auth_user="u",
        basic_auth_pass="p",
        redis_url="redis://h/1",
        image_allow="a:1,b",
        wait_s=3,
    )
    for name, value in settings_environment(given).items():
        monkeypatch.setenv(name, value)

    assert load_settings() == given


def children(pid: int) -> dict[int, str]:
    """Command lines by process id; without those that end as we look."""
    lines = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(FileNotFoundError, ProcessLookupError):
            lines[int(child)] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
    return lines


def has_another_worker(parent: int, *, than: int) -> bool:
    return any(" worker" in line for pid, line in children(parent).items() if pid != than)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.1)
