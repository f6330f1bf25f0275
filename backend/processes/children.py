"""Child processes that are started, watched and ended by process id, never by name.

Each child leads a session of its own, so that a Ctrl-C at the terminal reaches us alone and we end
the children in order; on Linux the kernel ends them too when we die without a chance to do so.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeAlias

from backend.errors import OperatorError

__all__ = [
    "GRACE_S",
    "ManagedProcess",
    "Probe",
    "ProcessFailed",
    "Program",
    "free_port",
    "port_is_free",
]

#: True once the process does its work; False for "not yet".
Probe: TypeAlias = Callable[[], bool]

GRACE_S = 10.0
TAIL_LINES = 20
#: As much as the failure of a process quotes from.
TAIL_BYTES = 64 * 1024
#: A log of this size is put aside before a start, and takes the place of the one put aside before.
LOG_BYTES = 8 * 1024 * 1024

_given: set[int] = set()

# Runs first in the child: asks the kernel for SIGTERM at our death, then becomes the program.
# In a process of its own, for code between fork and exec may hang where threads run.
_DIE_WITH_PARENT = """
import os, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 15)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(143)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]}: {error.strerror}")
"""


class ProcessFailed(OperatorError):
    """A process that Firstpass started ended, or did not become ready in time."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to start.

    `env` comes on top of our own environment, or is all of it when `clean_env` is set.
    Output goes to the file `log` where one is given, behind what earlier runs wrote there, else to
    our standard error, line by line behind `name`.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    clean_env: bool = False
    #: Variables of ours that begin so are not handed on.
    drop_env: tuple[str, ...] = ()
    cwd: Path | None = None
    log: Path | None = None
    #: File descriptors that the program inherits, e.g. a lock it shall hold.
    keep_fds: tuple[int, ...] = ()


class ManagedProcess:
    """One running program; made by `start`, ended by `stop`."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._pump: threading.Thread | None = None
        self._log_from = 0
        self.started_at = time.monotonic()
        self._popen = self._spawn()

    @classmethod
    def start(cls, program: Program) -> ManagedProcess:
        """The program, running (not yet ready)."""
        return cls(program)

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """Exit status, negative for a signal; `None` while it runs."""
        return self._popen.poll()

    @property
    def running(self) -> bool:
        return self.returncode is None

    def tail(self) -> str:
        """The last lines it wrote, those of earlier runs not among them."""
        log = self.program.log
        if log is None:
            return "\n".join(self._tail)
        try:
            with log.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(self._log_from, end - TAIL_BYTES))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-TAIL_LINES:])

    def wait_ready(self, probe: Probe, *, timeout_s: float, every_s: float = 0.1) -> None:
        """Return once the probe says so.

        Raises `ProcessFailed`, with the last lines of output, when the process ends first or the
        time is over.
        """
        deadline = time.monotonic() + timeout_s
        while not probe():
            if not self.running:
                raise self.failure(f"ended with status {self.returncode} before it was ready")
            if time.monotonic() > deadline:
                raise self.failure(f"was not ready after {timeout_s:g} s")
            time.sleep(every_s)
        if not self.running:  # another process may have answered the probe
            raise self.failure(f"ended with status {self.returncode} before it was ready")

    def failure(self, what: str) -> ProcessFailed:
        """An error that says what happened, with the last lines of output."""
        if self._pump is not None and not self.running:
            self._pump.join(timeout=1)
        where = f" (all of it in {self.program.log})" if self.program.log else ""
        lines = self.tail()
        said = f"; its last lines{where}:\n{lines}" if lines else "; it wrote nothing"
        return ProcessFailed(f"{self.name} {what}{said}")

    def stop(self, *, grace_s: float = GRACE_S) -> None:
        """End the process and what it started in its session: SIGTERM, after the grace SIGKILL."""
        self._signal(signal.SIGTERM)
        try:
            self._popen.wait(timeout=grace_s)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also when a second signal interrupts the wait
            self._signal(signal.SIGKILL, group_only=True)
        self._popen.wait()
        if self._pump is not None:
            self._pump.join(timeout=2)

    def _signal(self, signum: signal.Signals, *, group_only: bool = False) -> None:
        if not group_only and not self.running:
            return
        # PermissionError: what macOS says of a group of zombies
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signum)

    def _spawn(self) -> subprocess.Popen[bytes]:
        program = self.program
        environment = dict(program.env)
        if not program.clean_env:
            ours = os.environ.items()  # noqa: TID251 (handed on, not read)
            kept = {name: value for name, value in ours if not name.startswith(program.drop_env)}
            environment = {**kept, **environment}
        sink: int | IO[bytes] = subprocess.PIPE
        if program.log is not None:
            sink = _continued(program.log)
            self._log_from = sink.tell()
        shim = (sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()))
        try:
            popen = subprocess.Popen(  # noqa: S603 (our own argument lists, no shell)
                [*shim, *program.argv],
                env=environment,
                cwd=program.cwd,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=program.keep_fds,
            )
        finally:
            if not isinstance(sink, int):
                sink.close()
        if popen.stdout is not None:
            self._pump = threading.Thread(
                target=self._copy_lines, args=(popen.stdout,), name=f"{program.name}-output"
            )
            self._pump.daemon = True
            self._pump.start()
        return popen

    def _copy_lines(self, stream: IO[bytes]) -> None:
        with stream:
            for raw in stream:
                line = raw.decode(errors="replace").rstrip()
                self._tail.append(line)
                sys.stderr.write(f"{self.name:<9}| {line}\n")


def _continued(log: Path) -> IO[bytes]:
    """The log, open for what a new run writes. Why the run before ended stands in it, mostly."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_BYTES:
            log.replace(log.with_name(f"{log.name}.1"))
    sink = log.open("ab")
    if sink.tell():
        at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        sink.write(f"---- started again, {at} ----\n".encode())
        sink.flush()
    return sink


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port on which nothing listens now, and that this process did not give before.

    Who got one may not listen yet when the next is asked for.
    """
    while True:
        with socket.socket() as probe:
            probe.bind((host, 0))
            port: int = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now; true also where the host is not ours to judge."""
    try:
        infos = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return True
    for family, kind, protocol, _, address in infos:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    return False
    return True
