"""`firstpass` for shells, forked off a process that has imported everything already.

A test that is about what commands do takes it, and `supervised` of `tests/forked_children.py` for what a supervisor
of ours starts; one that is about how a process is started, held and ended starts it as a person does. See
`tests/forks.py` for commands that a test starts itself.
"""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import fork_client, forks
from tests.fork_server import serve

__all__ = ["command_folder", "serving"]

PATIENCE_S = 240.0


@contextmanager
def serving() -> Iterator[str]:
    """The socket of a server that runs commands; it and they have ended on exit."""
    folder = Path(tempfile.mkdtemp(prefix="firstpass-forks-"))  # short: the kernel takes 107 bytes
    address = folder / "socket"
    server = forks.fork(serve, str(address), env={}, out=folder / "log", models=True)
    try:
        give_up = time.monotonic() + PATIENCE_S
        while not address.exists():
            said = (folder / "log").read_text()
            assert server.poll() is None, said
            assert time.monotonic() < give_up, said
            time.sleep(0.05)
        yield str(address)
    finally:
        server.end()
        shutil.rmtree(folder)


def command_folder(address: str, folder: Path) -> Path:
    """The folder, with a `firstpass` in it, to stand at the front of a PATH."""
    folder.mkdir()
    command = folder / "firstpass"
    words = (sys.executable, "-IS", str(Path(fork_client.__file__)), address)
    command.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    command.chmod(0o755)
    return folder
