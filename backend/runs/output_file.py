"""Files that a command writes in the end: looked at before its work, and whole or as they were after it.

A regular file is replaced by the new one in a single step. A link stays, and what it points to is
written; a device or a pipe takes what is written and is never replaced.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from backend.errors import OperatorError

__all__ = ["OutputUnwritable", "check_output", "check_output_folder", "writing"]

#: What lies here stands for something else, be it a file that a shell has opened.
_NO_FILES = ("/dev/fd/", "/dev/std", "/proc/")


class OutputUnwritable(OperatorError):
    """What was to be written cannot be: the folder, the rights, or the space is missing."""


def check_output(path: Path, option: str = "--out") -> None:
    """Raises `OutputUnwritable` unless a file could be written there now."""
    try:
        if path.is_dir():
            raise OutputUnwritable(f"expected {option} to be a file, {path} is a folder")
        if _takes_writing(path):
            return
        target = path.resolve()
        if not target.parent.is_dir():
            raise OutputUnwritable(
                f"expected {option} in a folder that is there; {target.parent} is not"
            )
        if _may_be_replaced(target) or os.access(target, os.W_OK):
            return
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name too long, a NUL
        raise _unwritable(path, error) from error
    raise OutputUnwritable(
        f"{path} cannot be written: {target.parent} takes no new file; choose another {option}"
    )


def check_output_folder(path: Path, option: str = "--out") -> None:
    """Raises `OutputUnwritable` unless a folder could be made there now, or files in it."""
    try:
        if path.exists() and not path.is_dir():
            raise OutputUnwritable(f"expected {option} to be a folder, {path} is none")
        place = path.resolve()
        while not place.exists():
            place = place.parent
        if place.is_dir() and _takes_files(place):
            return
    except (OSError, RuntimeError, ValueError) as error:
        raise _unwritable(path, error) from error
    raise OutputUnwritable(
        f"{path} cannot be written: {place} takes no new file; choose another {option}"
    )


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A binary file whose content is at `path` after the block. Raises `OutputUnwritable`.

    When the block raises, a regular file is as it was.
    """
    try:
        if _takes_writing(path) or not _may_be_replaced(path.resolve()):
            with path.open("wb") as file:
                yield file
        else:
            with _replacing(path.resolve()) as file:
                yield file
    except (OSError, RuntimeError) as error:
        raise _unwritable(path, error) from error


@contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    beside = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            shutil.copymode(target, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _takes_writing(path: Path) -> bool:
    """Whether there is something other than a regular file."""
    if not path.exists():
        return False
    return str(path.absolute()).startswith(_NO_FILES) or not path.is_file()


def _may_be_replaced(target: Path) -> bool:
    return _takes_files(target.parent)


def _takes_files(folder: Path) -> bool:
    """Tried, since rights alone do not tell of a file system that is read-only or full."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _unwritable(path: Path, error: Exception) -> OutputUnwritable:
    reason = getattr(error, "strerror", None) or error
    return OutputUnwritable(f"{path} cannot be written: {reason}")
