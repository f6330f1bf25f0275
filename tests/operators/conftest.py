"""What operators' files are tried with: a real Redis and web process, and the programs that read the files."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
#: For what must happen at all; never a measure of speed.
PATIENCE_S = 240.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real programs start slowly on a busy machine."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(900))


def until(condition: Callable[[], object]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come to hold"
        time.sleep(0.05)


def ran(*argv: str | Path, cwd: Path = REPOSITORY, **env: str) -> subprocess.CompletedProcess[str]:
    """A program that ended, with what it said; its own environment with these variables more."""
    return subprocess.run(
        [str(part) for part in argv],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@contextmanager
def firstpass(log: Path, *arguments: str, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command of ours that goes on, ended by its id on exit."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend.cli.main", *arguments],
            cwd=REPOSITORY,
            env={**os.environ, **env},
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
