"""Runs `pip install`, and says what it is at and how far, in plain lines on a terminal and in a log alike.

    python .ci/install.py ARGUMENT...

Given the interpreter of the environment that it installs into. Python's compiled files are not made here: that takes
as long as all the rest, most of them are never needed, and Python makes those that are when it first reads a module.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterable
from pathlib import Path

#: A person looks away after more.
EVERY_S = 5.0
PIP = ("-m", "pip", "--disable-pip-version-check", "install", "--no-compile", "--progress-bar=off")


class Progress:
    """What there is to say, of pip's own lines and of how many packages are in place."""

    def __init__(self, name: str, before: int) -> None:
        """`before`: packages that were in place already."""
        self._name = name
        self._before = before
        self._fetched = 0
        self._large = ""
        self._all = 0
        self._said = ""

    def read(self, line: str) -> str | None:
        """Take note of a line of pip's; gives what is said of it at once."""
        if line.startswith("Collecting "):
            self._fetched += 1
            self._large = ""
        elif found := re.match(r"\s*Downloading (\S+) \(([\d.]+ [MG]B)\)", line):
            self._large = f", at {Path(found[1]).name.partition('-')[0]} ({found[2]})"
        elif line.startswith("Installing collected packages: "):
            self._all = line.count(",") + 1
            return f"make: {self._name}: all are here, {self._all} packages to unpack"
        return None

    def look(self, in_place: int) -> str | None:
        """How far it is, where that is something new."""
        if self._all:
            new = f"packages unpacked: {max(0, in_place - self._before)} of {self._all}"
        else:
            new = f"packages fetched: {self._fetched}{self._large}"
        if new == self._said:
            return None
        self._said = new
        return f"make: {self._name}: {new}"


def pass_on(lines: Iterable[str]) -> None:
    """Pip's words to people, but for its warnings: an index without a package is no trouble where another has it."""
    for line in lines:
        if not line.startswith("WARNING: "):
            print(line, end="", file=sys.stderr, flush=True)


def main() -> int:
    """Give pip's exit code."""
    packages = Path(sysconfig.get_path("purelib"))
    name = Path(sys.prefix).name

    def in_place() -> int:
        return sum(1 for _ in packages.glob("*.dist-info"))

    progress, ended = Progress(name, in_place()), threading.Event()

    def tick() -> None:
        while not ended.wait(EVERY_S):
            if (said := progress.look(in_place())) is not None:
                print(said, flush=True)

    threading.Thread(target=tick, daemon=True).start()
    # Errors are passed on, warnings about the way to packages are not; of what pip tells, only how far it is.
    with subprocess.Popen(
        [sys.executable, "-u", *PIP, *sys.argv[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as pip:
        trouble = threading.Thread(target=pass_on, args=(pip.stderr,))
        trouble.start()
        for line in pip.stdout or ():
            if (said := progress.read(line)) is not None:
                print(said, flush=True)
        trouble.join()
    ended.set()
    if pip.returncode == 0:
        print(f"make: {name}: done, {in_place()} packages are in place", flush=True)
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main())
