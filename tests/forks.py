"""Processes forked off one that has imported everything already, so that a test may have many of them.

What is run in them is what a person starts, from the arguments and the environment on: only the imports, which
take longer than most commands do, are shared.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from unittest import mock

__all__ = ["Forked", "fork", "run", "start"]

REPOSITORY = Path(__file__).parents[1]
_CONTEXT = multiprocessing.get_context("forkserver")
_COMMANDS = [
    "tests.standin.worker",
    "backend.cli.main",
    "backend.cli.evaluate_run",
    "backend.cli.prelabel_project",
]
_CONTEXT.set_forkserver_preload(_COMMANDS)
#: It holds torch and transformers besides: ten seconds of a processor for each process that imports them itself.
_WITH_MODELS = forkserver.ForkServer()
_WITH_MODELS.set_forkserver_preload(
    [*_COMMANDS, "backend.cli.prelabel_folder", "backend.processes.worker", "models.runtime"]
)


class Forked:
    """A process that was forked off; its methods do what those of `subprocess.Popen` do.

    What it says on its two outputs is appended to two files, which may be one.
    """

    def __init__(self, process: Any, out: Path, err: Path) -> None:
        self._process, self._out, self._err = process, out, err

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return int(self._process.pid)

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        """Its exit code; minus the signal that ended it; `None` while it runs."""
        code: int | None = self._process.exitcode
        return code

    def send_signal(self, signum: int) -> None:
        """Send a signal to exactly this process, which must be there still."""
        try:
            os.kill(self.pid, signum)
        except ProcessLookupError as error:
            said = self._err.read_text(errors="replace")[-2000:]
            raise AssertionError(
                f"the process had ended by itself ({self.poll()}): {said}"
            ) from error

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def end(self) -> None:
        """Have it ended, whether or not it has by itself."""
        if self.poll() is None:
            self.kill()
        self.wait()

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended."""
        self._process.join(timeout)
        code = self.poll()
        assert code is not None, f"the process did not end in {timeout} s: {self._said()}"
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it said, once it has ended."""
        self.wait(timeout)
        return self._out.read_text("utf-8"), self._err.read_text("utf-8")

    def _said(self) -> str:
        return self._out.read_text(errors="replace") + self._err.read_text(errors="replace")


def fork(
    target: Callable[..., object],
    *arguments: object,
    env: Mapping[str, str],
    out: Path,
    err: Path | None = None,
    models: bool = False,
) -> Forked:
    """A process that calls the target with these variables and no others, in the repository.

    `models`: torch and transformers are there already; what they read from the environment as they are imported
    was then that of the first test.
    """
    err = err or out
    for path in (out, err):
        path.touch()
    process = _CONTEXT.Process(
        target=_call, args=(target, arguments, dict(env), str(out), str(err))
    )
    if models:
        with mock.patch.object(
            forkserver, "connect_to_new_process", _WITH_MODELS.connect_to_new_process
        ):
            process.start()
    else:
        process.start()
    return Forked(process, out, err)


def start(
    *arguments: object,
    env: Mapping[str, str],
    out: Path,
    err: Path | None = None,
    first: Callable[[], None] | None = None,
    models: bool = False,
) -> Forked:
    """A command of Firstpass that runs; `first` is called before it, and the rest is as for `fork`."""
    argv = ["firstpass", *map(str, arguments)]
    return fork(_firstpass, argv, first, env=env, out=out, err=err, models=models)


def run(
    *arguments: object,
    env: Mapping[str, str],
    timeout_s: float,
    first: Callable[[], None] | None = None,
    models: bool = False,
) -> subprocess.CompletedProcess[str]:
    """A command of Firstpass that has ended; the arguments are those of `start`."""
    with tempfile.TemporaryDirectory(prefix="firstpass-command-") as name:
        out, err = Path(name) / "out", Path(name) / "err"
        process = start(*arguments, env=env, out=out, err=err, first=first, models=models)
        try:
            said = process.communicate(timeout_s)
        finally:
            process.end()
        argv = ["firstpass", *map(str, arguments)]
        return subprocess.CompletedProcess(argv, process.wait(), *said)


def _call(
    target: Callable[..., object],
    arguments: Sequence[object],
    env: Mapping[str, str],
    out: str,
    err: str,
) -> None:
    for number, path in enumerate((os.devnull, out, err)):
        with open(path, "rb" if number == 0 else "ab") as file:
            os.dup2(file.fileno(), number)
    os.chdir(REPOSITORY)
    os.environ.clear()  # noqa: TID251 (as a program that is started has it)
    os.environ.update(env)  # noqa: TID251
    _read_pythonpath(env.get("PYTHONPATH", ""))
    target(*arguments)


def _firstpass(argv: list[str], first: Callable[[], None] | None) -> None:
    sys.argv = argv
    if first is not None:
        first()
    from backend.cli.main import main

    main()


def _read_pythonpath(folders: str) -> None:
    """What Python does with it at its start."""
    for folder in filter(None, reversed(folders.split(os.pathsep))):
        sys.path.insert(0, folder)
        if (Path(folder) / "sitecustomize.py").exists():
            runpy.run_path(str(Path(folder) / "sitecustomize.py"))
