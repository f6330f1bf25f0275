"""`firstpass up`: one command, everything running, nothing left behind."""

from __future__ import annotations

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from backend.processes.children import free_port
from backend.processes.redis_server import running_redis
from backend.processes.stack import settings_environment
from backend.settings import load_settings
from tests.forked_commands import command_folder

READY_S = 300
PROGRAM = (sys.executable, "-m", "backend.cli.main")


@contextmanager
def firstpass_up(
    home: Path, *options: str, program: Sequence[str] = PROGRAM, **env: str
) -> Iterator[subprocess.Popen[str]]:
    """The command running; killed on exit if it still does."""
    surroundings = {key: value for key, value in os.environ.items() if key != "REDIS_URL"}  # noqa: TID251
    with (
        (home.parent / "stderr").open("w") as stderr,
        subprocess.Popen(
            [*program, "up", "--home", str(home), *options],
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


class Terminal:
    """A shell command on a terminal of 80 columns, ended with Ctrl-C as a person ends it."""

    def __init__(self, command: str, env: dict[str, str], log: Path) -> None:
        self._log = log
        ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            ["bash", "-c", command], env=env, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, args=(ours,))
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.send_signal(signal.SIGINT)
        assert self._process.wait(timeout=READY_S) == 0
        self._reader.join(timeout=READY_S)

    def shown(self) -> str:
        return self._log.read_text().replace("\r\n", "\n") if self._log.exists() else ""

    def ended(self) -> bool:
        return self._process.poll() is not None

    def _read(self, terminal: int) -> None:
        with (
            self._log.open("wb", buffering=0) as log,
            suppress(OSError),
        ):  # none has it open any more
            while read := os.read(terminal, 65536):
                log.write(read)
        os.close(terminal)


def plan(home: Path) -> str:
    """What a command says that was told nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli.main", "plan", "label_config/demo.xml"],
        env={"PATH": os.defpath, "FIRSTPASS_HOME": str(home), "COLUMNS": "200"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=READY_S,
        check=True,
    )
    return done.stdout + done.stderr


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
        assert f"{url}/status" in first_line(process)
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


@pytest.mark.redis
def test_on_a_terminal_it_speaks_plainly_and_says_what_is_next(fork_server: str, tmp_path: Path):
    """No line is JSON; at the end the addresses and two commands, in one piece. Commands then know what runs."""
    home, port = tmp_path / "home", free_port()
    command = f"exec firstpass up --model tiny --home {home} --port {port}"
    given = {
        "PATH": f"{command_folder(fork_server, tmp_path / 'bin')}:{os.defpath}",
        "FIRSTPASS_LABEL_STUDIO_URL": "http://127.0.0.1:1",
        "FIRSTPASS_LABEL_STUDIO_API_KEY": "0" * 40,
    }
    with Terminal(command, given, tmp_path / "shown") as terminal:
        until(lambda: "firstpass doctor" in terminal.shown() or terminal.ended())
        terminal_said = terminal.shown()
        during = plan(home)
    after = plan(home)

    lines = terminal_said.splitlines()
    assert lines[0].startswith("Starting web, a worker with tiny and the courier.")
    at = next(n for n, line in enumerate(lines) if line.startswith("Firstpass is ready: "))
    url = f"http://127.0.0.1:{port}"
    assert lines[at].endswith(f"the URL {url} (Ctrl-C ends it)")
    assert lines[at + 1].endswith(f"{url}/status")
    assert [line.strip() for line in lines[at + 3 : at + 5]] == [
        "firstpass connect --project 3",
        "firstpass doctor --project 3",
    ]
    assert not [line for line in lines if "{" in line]
    assert f"As the Firstpass that runs at {url}: model tiny." in during
    assert "model_version tiny-" in during
    assert "0" * 40 not in during + terminal_said
    assert "No Firstpass runs here: the usual model is meant" in after


@pytest.mark.redis
def test_who_wants_json_on_a_terminal_gets_it(fork_server: str, tmp_path: Path):
    """And in a file, plain lines where they are asked for."""
    home = tmp_path / "home"
    options = ["--home", str(home), "--port", str(free_port())]
    command = f"exec firstpass up --model tiny {' '.join(options)}"
    folder = command_folder(fork_server, tmp_path / "bin")
    given = {"PATH": f"{folder}:{os.defpath}", "FIRSTPASS_LOG_FORMAT": "json"}
    with Terminal(command, given, tmp_path / "shown") as terminal:
        until(lambda: "is ready" in terminal.shown() or terminal.ended())
        assert '| {"event": ' in terminal.shown()

    forked = (str(folder / "firstpass"),)
    with firstpass_up(home, *options[2:], program=forked, FIRSTPASS_LOG_FORMAT="plain") as process:
        assert "is ready" in first_line(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=READY_S) == 0
    said = (tmp_path / "stderr").read_text()
    assert said.startswith("Starting web, a worker with tiny.")
    assert "{" not in said


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
