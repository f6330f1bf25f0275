"""Why Pillow gives an image up: its kind is not supported here, or the file is damaged. Pure.

Pillow says both in one way, and a person who is told "damaged" of a whole file looks in the wrong place.
"""

from __future__ import annotations

import io
import re
from functools import lru_cache

from PIL import Image, TiffImagePlugin

__all__ = ["unsupported_kind"]

_SAID = re.compile(
    r"unsupported|not (yet )?supported|cannot handle|not installed|unknown (pixel mode|data organization)",
    re.IGNORECASE,
)
#: Compressions of TIFF that Pillow has no name for.
_TIFF_COMPRESSIONS = {
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG",
    34933: "PNG",
    34934: "JPEG XR",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
#: By the second byte of the marker that begins a JPEG's frame.
_JPEG_PROCESSES = {
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "lossless hierarchical",
    0xC9: "arithmetic-coded",
    0xCA: "arithmetic-coded",
    0xCB: "lossless arithmetic-coded",
    0xCD: "hierarchical arithmetic-coded",
    0xCE: "hierarchical arithmetic-coded",
    0xCF: "lossless hierarchical arithmetic-coded",
}
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: Markers without a length after them.
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


def unsupported_kind(
    format_name: str, data: bytes, error: BaseException, compression: object = None
) -> str | None:
    """What the file is, where Pillow gave it up for its kind; `None` where it is damaged.

    `compression` is what Pillow says of an opened TIFF.

    >>> unsupported_kind("BMP", b"", OSError("Unsupported BMP bitfields layout"))
    'Unsupported BMP bitfields layout'
    >>> unsupported_kind("PNG", b"", OSError("image file is truncated")) is None
    True
    """
    if isinstance(error, OSError | SyntaxError | NotImplementedError) and _SAID.search(str(error)):
        return " ".join(str(error).split())
    if format_name == "TIFF":
        return _tiff_kind(error, compression)
    if format_name == "JPEG":
        process = _JPEG_PROCESSES.get(_jpeg_frame(data) or 0)
        return None if process is None else f"{process} JPEG"
    return None


def _tiff_kind(error: BaseException, compression: object) -> str | None:
    # Pillow looks a compression up in a table, and passes the failed look-up on as another error.
    missed = next((each for each in (error, error.__cause__) if isinstance(each, KeyError)), None)
    number = missed.args[0] if missed is not None and missed.args else None
    if isinstance(number, int) and number not in TiffImagePlugin.COMPRESSION_INFO:
        return f"TIFF with compression {_TIFF_COMPRESSIONS.get(number, number)}"
    if isinstance(compression, str) and not _has_codec(compression):
        return f"TIFF with compression {compression.removeprefix('tiff_')}"
    return None


@lru_cache(maxsize=64)
def _has_codec(compression: str) -> bool:
    """Whether the library for TIFF was built with a codec: with it, a small image comes back."""
    for mode in ("L", "1", "RGB"):
        buffer = io.BytesIO()
        try:
            Image.new(mode, (8, 8)).save(buffer, "TIFF", compression=compression)
        except (OSError, ValueError, KeyError, SystemError):
            continue
        return True
    return False


def _jpeg_frame(data: bytes) -> int | None:
    """The marker that begins the frame; `None` where none is found before the pixels."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _JPEG_FRAMES:
            return marker
        if marker == 0xFF or marker in _JPEG_BARE:
            at += 1 if marker == 0xFF else 2
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
