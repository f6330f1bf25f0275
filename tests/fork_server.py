"""Runs commands of Firstpass for whoever connects to a socket, each forked off a process that has imported all.

`tests/forked_commands.py` starts it. A shell asks by way of `tests/fork_client.py`, a supervisor of ours by way of
`tests/forked_children.py`. What a command that runs here supervises is forked here, too.
"""

from __future__ import annotations

import gc
import io
import json
import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from tests.fork_client import LENGTH, NUMBER
from tests.forked_children import supervise

__all__ = ["serve"]


def serve(address: str) -> None:
    """Until it is ended."""
    _die_with_parent()
    gc.freeze()  # what is imported is never garbage, and the commands need not look whether it is
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        while True:
            line, _ = listener.accept()
            with line:
                if os.fork() == 0:
                    listener.close()
                    _keep(line, address)


def _keep(line: socket.socket, address: str) -> NoReturn:
    """Start the command; pass on what either side tells the other, until the command has ended."""
    _die_with_parent()
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    asked, files = _read(line)
    command = os.fork()
    if command == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(woken)
        os.close(wakes)
        _become(asked, files, line, address)
    for file in files:
        os.close(file)
    while True:
        ended, status = os.waitpid(command, os.WNOHANG)
        if ended:
            break
        ready, _, _ = select.select([woken, line.fileno()], [], [])
        if woken in ready:
            os.read(woken, 64)
        else:
            told = line.recv(1)
            os.kill(command, told[0] if told else signal.SIGKILL)
            if not told:
                os._exit(0)
    line.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _read(line: socket.socket) -> tuple[dict[str, Any], Sequence[int]]:
    head, files, _, _ = socket.recv_fds(line, LENGTH.size, 3)
    length = LENGTH.unpack(head)[0]
    body = line.recv(length, socket.MSG_WAITALL)
    return json.loads(body.decode("utf-8", "surrogatepass")), files


def _become(
    asked: dict[str, Any], files: Sequence[int], line: socket.socket, address: str
) -> NoReturn:
    """What a `firstpass` that is started is: with these files, this environment and folder, and none of ours."""
    if asked["session"]:
        os.setsid()
    _die_with_parent()
    line.sendall(NUMBER.pack(os.getpid()))
    line.close()
    for number, file in enumerate(files):
        os.dup2(file, number)
    for file in files:
        if file > 2:
            os.close(file)
    os.chdir(asked["folder"])
    os.environ.clear()  # noqa: TID251 (as a program that is started has it)
    os.environ.update(asked["env"])  # noqa: TID251
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")
    sys.stdout = _output(1, "strict", line_buffering=os.isatty(1))
    sys.stderr = _output(2, "backslashreplace", line_buffering=True)
    sys.argv = ["firstpass", *asked["arguments"]]
    supervise(address)
    code = _code_of_main()
    threading._shutdown()  # type: ignore[attr-defined]  # as Python's own end waits for threads
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _code_of_main() -> int:
    """The exit code, as Python itself has it."""
    try:
        from backend.cli.main import main

        main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    except BaseException:  # noqa: BLE001 (as it would reach the top)
        traceback.print_exc()
        return 1
    return 0


def _output(number: int, errors: str, *, line_buffering: bool) -> io.TextIOWrapper:
    raw = io.BufferedWriter(io.FileIO(number, "w", closefd=False))
    return io.TextIOWrapper(raw, "utf-8", errors, line_buffering=line_buffering)


def _die_with_parent() -> None:
    """On Linux, where the kernel sees to it."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
