"""Who writes an index: one process at a time, and whoever comes second is told which one it is."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from backend.vectors.places import IndexPlace, IndexUnusable

__all__ = ["sole_writer"]


@contextmanager
def sole_writer(place: IndexPlace) -> Iterator[None]:
    """Hold the index; the kernel lets go of it when this process ends. Raises `IndexUnusable`."""
    path = place.folder / "writer.lock"
    try:
        place.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise IndexUnusable(
            f"the index {place.folder} cannot be made: {error.strerror}; FIRSTPASS_HOME must be a folder that "
            "can be written"
        ) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            who = os.pread(lock, 200, 0).decode("utf-8", "replace").strip() or "another process"
            raise IndexUnusable(
                f"another `firstpass index` is at work on the same images: {who}; let it end, or stop it first"
            ) from error
        now = datetime.now(UTC).strftime("%H:%M:%S UTC")
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {os.getpid()}, since {now}".encode(), 0)
        yield
    finally:
        os.close(lock)
