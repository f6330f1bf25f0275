"""Children of a supervisor of ours that are `firstpass`, forked by a server of `tests/fork_server.py`."""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any
from unittest import mock

from backend.processes import children
from tests.fork_client import ask, read_number

__all__ = ["supervise", "supervised"]

MODULE = "backend.cli.main"


@contextmanager
def supervised(address: str) -> Iterator[None]:
    """Within, each `firstpass` that a supervisor in this process starts is forked; its process id is the real one."""
    with mock.patch.object(children, "subprocess", _stand_in(address)):
        yield


def supervise(address: str) -> None:
    """As `supervised`, from here on."""
    mock.patch.object(children, "subprocess", _stand_in(address)).start()


def _stand_in(address: str) -> SimpleNamespace:
    """The module, with a `Popen` that knows our commands."""

    def started(argv: Sequence[str], **given: Any) -> Any:
        if MODULE not in argv or given["pass_fds"]:
            return subprocess.Popen(argv, **given)
        return _Child(address, argv[argv.index(MODULE) + 1 :], **given)

    return SimpleNamespace(**{**vars(subprocess), "Popen": started})


class _Child:
    """As much of a `subprocess.Popen` as a supervisor asks for."""

    def __init__(
        self,
        address: str,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None,
        stdout: int | IO[bytes],
        start_new_session: bool,
        **_same_for_all: object,
    ) -> None:
        reads, writes = os.pipe() if isinstance(stdout, int) else (None, os.dup(stdout.fileno()))
        self.stdout = None if reads is None else os.fdopen(reads, "rb")
        with open(os.devnull, "rb") as nothing:
            files = (nothing.fileno(), writes, writes)
            folder = str(cwd or Path.cwd())
            self._line = ask(address, arguments, env, folder, files, session=start_new_session)
            pid = read_number(self._line)
        os.close(writes)
        assert pid is not None, "the server of forked commands has ended"
        self.pid = pid
        self._code: int | None = None
        self._reading = threading.Lock()

    def poll(self) -> int | None:
        """Its exit code; minus the signal that ended it; `None` while it runs."""
        with self._reading:
            if self._code is None and self._told(0):
                self._code = read_number(self._line)
                assert self._code is not None, "the server of forked commands has ended"
                self._line.close()
            return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended."""
        give_up = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            left = None if give_up is None else give_up - time.monotonic()
            if left is not None and left <= 0:
                raise subprocess.TimeoutExpired("firstpass", timeout or 0)
            self._told(0.5 if left is None else min(0.5, left))
        return code

    def _told(self, seconds: float) -> bool:
        return bool(select.select([self._line], [], [], seconds)[0])
