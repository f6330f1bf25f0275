"""Commands that are forked off for tests do what those do that a person starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.processes.children import ManagedProcess, Program
from tests.forked_children import supervised
from tests.forked_commands import command_folder
from tests.operators.conftest import until
from tests.pages import REPOSITORY

#: It waits for a Redis, and goes on until it is ended.
WAITS = ("worker", "--redis-url", "redis://127.0.0.1:1/0")
Shell = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def shell(fork_server: str, tmp_path: Path) -> Shell:
    """Starts a line of a shell, to which `firstpass` is forked or, else, that of the environment."""
    forked = command_folder(fork_server, tmp_path / "bin")

    def start(line: str, *, by: Path = forked) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-c", line],
            cwd=REPOSITORY,
            env={"PATH": f"{by}:{os.defpath}", "HOME": str(tmp_path), "FIRSTPASS_MODEL": "tiny"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.mark.parametrize(
    "line",
    ["firstpass plan label_config/demo.xml | tail -n 2", "exec firstpass predict", "firstpass"],
)
def test_it_says_the_same_and_ends_alike(shell: Shell, line: str) -> None:
    """Byte for byte, on both outputs."""
    forked, started = shell(line), shell(line, by=Path(sys.executable).parent)

    assert forked.communicate(timeout=240) == started.communicate(timeout=240)
    assert forked.returncode == started.returncode


def test_a_supervisor_has_it_under_its_own_number(fork_server: str, tmp_path: Path) -> None:
    """It leads a session, is killed by its number, and none is left once it was ended."""
    argv = (sys.executable, "-m", "backend.cli.main", *WAITS)
    program = Program("worker", argv, env={"FIRSTPASS_MODEL": "tiny"}, log=tmp_path / "log")
    with supervised(fork_server):
        killed, ended = (ManagedProcess.start(program) for _ in range(2))
    assert os.getsid(killed.pid) == killed.pid != os.getsid(ended.pid)

    os.kill(killed.pid, signal.SIGKILL)
    until(lambda: not killed.running)
    ended.stop()

    assert killed.returncode == -signal.SIGKILL
    assert ended.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.kill(ended.pid, 0)
