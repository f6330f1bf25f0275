"""The file of an index's vectors: numbers of 16 bits, one vector after the other, only ever added to.

What is written is written behind all that counts, and counts once SQLite says so; so a run that is killed leaves
nothing half written that anybody would read.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backend.vectors.store import FloatArray

__all__ = ["HalfArray", "add_at", "checksums", "halves", "mapped", "vectors_file"]

#: Of float16.
HalfArray: TypeAlias = NDArray[np.float16]

_BYTES = 2


def vectors_file(folder: Path, generation: int) -> Path:
    """Another one each time that the room of what is gone was given back."""
    return folder / f"vectors.{generation}.f16"


def halves(vectors: Sequence[Sequence[float]] | FloatArray) -> HalfArray:
    """The vectors made 1 long, as they are stored: their cosines are off by a thousandth at most."""
    wide = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    found: HalfArray = (wide / np.maximum(lengths, 1e-12)).astype("<f2")
    return found


def add_at(path: Path, slot: int, vectors: HalfArray) -> None:
    """Write vectors from this slot on, and wait until the disk has them. Raises `OSError`."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        data, at = memoryview(vectors.tobytes()), slot * vectors.shape[1] * _BYTES
        while data:
            written = os.pwrite(file, data, at)
            data, at = data[written:], at + written
        os.fsync(file)
    finally:
        os.close(file)


def mapped(path: Path, slots: int, width: int) -> HalfArray:
    """The vectors of the first slots, shape (slots, width), read as they are needed.

    Raises `OSError` for a file that is not there, `ValueError` for one that is too short.
    """
    if slots == 0:
        return np.zeros((0, width), np.float16)
    size, wanted = path.stat().st_size, slots * width * _BYTES
    if size < wanted:
        raise ValueError(f"{path.name} has {size:,} bytes where {wanted:,} were written")
    return np.memmap(path, "<f2", "r", shape=(slots, width))


def checksums(vectors: NDArray[Any]) -> list[int]:
    """The CRC-32 of each vector as it is stored."""
    return [zlib.crc32(vector.tobytes()) for vector in vectors]
