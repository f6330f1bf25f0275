"""The orientation that an EXIF block holds, read as browsers read it. Pure.

They take a number of the type that the standard wants and no other, where Pillow takes any: by a file that
was written otherwise, boxes would lie on a picture that nobody sees.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["exif_orientation"]

_HEAD = b"Exif\0\0"
_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_ORIENTATION, _CAMERAS = 0x0112, 0x8769
_SHORT, _LONG = 3, 4
_FIRST_ENTRIES_AT, _ENTRY_BYTES = 8, 12


def exif_orientation(block: bytes) -> int:
    """1..8, as the first entry that holds one says; upright where none does.

    >>> exif_orientation(bytes.fromhex("49492a00 08000000 0100 1201 0300 01000000 06000000"))
    6
    >>> exif_orientation(b"nothing of the kind")
    1
    """
    block = block.removeprefix(_HEAD)
    order = _BYTE_ORDERS.get(block[:4])
    if order is None or len(block) < _FIRST_ENTRIES_AT:
        return 1
    (first,) = struct.unpack_from(f"{order}I", block, 4)
    return next(_orientations(block, order, first), 1)


def _orientations(block: bytes, order: str, start: int, *, depth: int = 0) -> Iterator[int]:
    """Those of a list of entries, and of the list within it where a camera's own entries are."""
    for tag, kind, count, value in _entries(block, order, start):
        if (tag, kind, count) == (_ORIENTATION, _SHORT, 1):
            (number,) = struct.unpack_from(f"{order}H", value)
            if 1 <= number <= 8:
                yield number
        elif (tag, kind, count, depth) == (_CAMERAS, _LONG, 1, 0):
            (inner,) = struct.unpack(f"{order}I", value)
            yield from _orientations(block, order, inner, depth=1)


def _entries(block: bytes, order: str, start: int) -> Iterator[tuple[int, int, int, bytes]]:
    """Tag, type, count and the four bytes of the value, of each entry that is there as a whole."""
    if start + 2 > len(block):
        return
    (number,) = struct.unpack_from(f"{order}H", block, start)
    for at in range(start + 2, start + 2 + number * _ENTRY_BYTES, _ENTRY_BYTES):
        if at + _ENTRY_BYTES > len(block):
            return
        tag, kind, count = struct.unpack_from(f"{order}HHI", block, at)
        yield tag, kind, count, block[at + 8 : at + _ENTRY_BYTES]
