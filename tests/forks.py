"""Processes forked off one that has imported everything already, so that a test may have many of them.

What is run in them is what a person starts, from the arguments and the environment on: only the imports, which
take longer than most commands do, are shared.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["CONTEXT", "firstpass"]

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "tests.standin.worker",
        "backend.cli.main",
        "backend.cli.evaluate_run",
        "backend.cli.prelabel_project",
    ]
)
REPOSITORY = Path(__file__).parents[1]


def firstpass(
    *arguments: object,
    env: Mapping[str, str],
    timeout_s: float,
    first: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """A command of Firstpass that has ended, run with these variables and no others; `first` runs before it."""
    argv = ["firstpass", *map(str, arguments)]
    with tempfile.TemporaryDirectory(prefix="firstpass-command-") as name:
        out, err = Path(name) / "out", Path(name) / "err"
        process = CONTEXT.Process(target=_run, args=(argv, dict(env), str(out), str(err), first))
        process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            said = out.read_text() + err.read_text()
            raise AssertionError(f"{' '.join(argv)} did not end in {timeout_s:g} s: {said}")
        return subprocess.CompletedProcess(
            argv, process.exitcode, out.read_text("utf-8"), err.read_text("utf-8")
        )


def _run(
    argv: list[str], env: dict[str, str], out: str, err: str, first: Callable[[], None] | None
) -> None:
    for number, path in enumerate((os.devnull, out, err)):
        with open(path, "rb" if number == 0 else "wb") as file:
            os.dup2(file.fileno(), number)
    os.chdir(REPOSITORY)
    os.environ.clear()  # noqa: TID251 (as a program that is started has it)
    os.environ.update(env)  # noqa: TID251
    _read_pythonpath(env.get("PYTHONPATH", ""))
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
