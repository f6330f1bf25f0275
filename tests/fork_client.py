"""Asks a server of `tests/fork_server.py` for a command of Firstpass, and stands for it: the `firstpass` of a shell.

    python -IS tests/fork_client.py SOCKET ARGUMENT...

It hands over its arguments, environment, folder and its three files, passes signals on, and ends as the command does.
Whoever kills it has killed the command. It imports little, since it is started for every command.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Mapping, Sequence

__all__ = ["LENGTH", "NUMBER", "ask", "read_number"]

#: How long what follows is.
LENGTH = struct.Struct("!I")
#: The process id of the command; and, once it has ended, its exit code, negative for a signal.
NUMBER = struct.Struct("!i")


def ask(
    address: str,
    arguments: Sequence[str],
    env: Mapping[str, str],
    folder: str,
    files: Sequence[int],
    *,
    session: bool = False,
) -> socket.socket:
    """The line to a command that is started; it is killed when the line breaks. `session`: it leads one."""
    line = socket.socket(socket.AF_UNIX)
    line.connect(address)
    asked = {"arguments": [*arguments], "env": {**env}, "folder": folder, "session": session}
    body = json.dumps(asked).encode("utf-8", "surrogatepass")
    socket.send_fds(line, [LENGTH.pack(len(body))], files)
    line.sendall(body)
    return line


def read_number(line: socket.socket) -> int | None:
    """The next that is told; `None` where nothing more is."""
    told = line.recv(NUMBER.size, socket.MSG_WAITALL)
    return int(NUMBER.unpack(told)[0]) if len(told) == NUMBER.size else None


def main() -> None:
    """Ends as the command does."""
    address, *arguments = sys.argv[1:]
    line = ask(address, arguments, os.environ, os.getcwd(), (0, 1, 2))  # noqa: TID251 (handed on)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda signum, _: line.sendall(bytes([signum])))
    read_number(line)
    code = read_number(line)
    if code is None:
        sys.exit("firstpass: the server of forked commands has ended")
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()
