"""A Redis that a test may kill, stop and start again with its data: every test's Redis is one of these.

Only what tests the embedded Redis itself, or runs a command that starts it, has one of another kind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend.processes.children import free_port
from backend.processes.redis_server import find_redis_server

ONCE = Retry(NoBackoff(), 0)


class RedisProcess:
    """One server with one folder and one port, over all its starts."""

    def __init__(
        self,
        folder: Path,
        options: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        *,
        on_path: bool = True,
    ) -> None:
        """`on_path`: a server on the PATH is taken before the embedded one, where there is one."""
        self._folder = folder
        self._options = options or {}
        self._env = env or {}
        self._on_path = on_path
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)

    def url(self, user: str = "") -> str:
        """For nobody in particular, or for a user whose password is the user's name."""
        login = f"{user}:{user}@" if user else ""
        return f"redis://{login}127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it has loaded its data."""
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self._folder),
            "save": "",
            "maxmemory-policy": "noeviction",
            "logfile": str(self._folder / "log"),
            **self._options,
        }
        arguments = [text for name, value in options.items() for text in (f"--{name}", value)]
        variables = ["env", *(f"{name}={value}" for name, value in self._env.items())]
        self._process = subprocess.Popen(
            [*variables, str(find_redis_server(on_path=self._on_path)), *arguments]
        )
        deadline = time.monotonic() + 240
        while not self._answers():
            assert time.monotonic() < deadline, (self._folder / "log").read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL."""
        self._signal(signal.SIGKILL)
        self._running().wait()

    def stop(self) -> None:
        """SIGSTOP: it is there, and does not answer."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        """End it, whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def _signal(self, signum: signal.Signals) -> None:
        os.kill(self._running().pid, signum)

    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self.port, socket_timeout=5, retry=ONCE) as connection:
                return bool(connection.ping())
        except (redis.AuthenticationError, redis.exceptions.NoPermissionError):
            return True
        except redis.RedisError:
            return False
