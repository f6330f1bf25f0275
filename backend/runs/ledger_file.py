"""Where a run's ledger lies, and who may hold it: one process at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from backend.errors import OperatorError
from backend.runs.ledger import Ledger

__all__ = ["LedgerUnusable", "RunKey", "open_ledger", "passing_ledger"]


class LedgerUnusable(OperatorError):
    """A run's ledger is in the hands of another process, or cannot be written."""


@dataclass(frozen=True, slots=True)
class RunKey:
    """What makes two starts the same run.

    `source` is the project or the folder, `selection` says in a fixed form what was chosen of it.
    """

    source: str
    model_version: str
    selection: str = ""

    @property
    def name(self) -> str:
        """A file name for it."""
        parts = "\n".join((self.source, self.model_version, self.selection))
        return hashlib.sha256(parts.encode()).hexdigest()[:16]


@contextmanager
def open_ledger(home: Path, key: RunKey, command: str = "prelabel") -> Iterator[Ledger]:
    """The run's ledger under `home/<command>`, locked against other processes; made when missing.

    `command` is the one whose run it is. Raises `LedgerUnusable`, also within the block when the disk is full or gone.
    """
    path = home.absolute() / command / f"{key.name}.sqlite"
    with _locked(path.with_suffix(".lock"), command):
        try:
            with closing(sqlite3.connect(path)) as database:
                yield Ledger(database, path, (key.source, key.model_version, key.selection))
        except sqlite3.Error as error:
            raise _unusable(path, error) from error


@contextmanager
def passing_ledger() -> Iterator[Ledger]:
    """A ledger in memory, for a run that is to leave nothing behind."""
    with closing(sqlite3.connect(":memory:")) as database:
        yield Ledger(database, Path(), ("", "", ""))


@contextmanager
def _locked(path: Path, command: str) -> Iterator[None]:
    """Holds the lock file, which stays; the kernel lets go of it when this process ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise LedgerUnusable(
            f"another `firstpass {command}` is at work on the same tasks; let it end or stop it first"
        ) from error
    try:
        yield
    finally:
        os.close(lock)


def _unusable(path: Path, error: Exception) -> LedgerUnusable:
    return LedgerUnusable(
        f"the ledger {path} cannot be used: {error}; FIRSTPASS_HOME must be a folder that can be "
        "written, with space left"
    )
