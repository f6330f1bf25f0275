"""Outlines -> Label Studio's run-length code for brush masks. Pure.

The code is a stream of bits, most significant first: 32 bits for the number of values, 5 for the bits of
one value and 4 times 4 for the sizes of run lengths (each less one); then runs, each a bit that says that
one value is repeated, 2 bits that choose the size of the length, the length less one, and the value. The
values are the RGBA bytes of the image, row by row, so a pixel is four of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from models.types import ImageSize, Point

__all__ = ["encoded_runs", "rle_of_outlines"]

_PAINTED = 255
_CHANNELS = 4
_VALUE_BITS = 8
#: Bits of a run's length: the least that holds it is used.
_LENGTH_BITS = (3, 4, 8, 16)


def rle_of_outlines(outlines: Sequence[Sequence[Point]], size: ImageSize) -> list[int]:
    """Bytes (0..255) of the mask that holds all outlines, xy pixels; empty where they hold no pixel."""
    runs = list(_painted_runs(outlines, size))
    return encoded_runs(runs, size) if runs else []


def encoded_runs(runs: Sequence[tuple[int, int]], size: ImageSize) -> list[int]:
    """Bytes of a mask: `runs` are (first pixel, count) of painted pixels, row by row, in order.

    >>> encoded_runs([(0, 1)], ImageSize(1, 1))
    [0, 0, 0, 4, 57, 27, 252, 127, 224]
    """
    bits = [f"{_CHANNELS * size.width * size.height:032b}", f"{_VALUE_BITS - 1:05b}"]
    bits += [f"{length - 1:04b}" for length in _LENGTH_BITS]
    at = 0
    for first, count in runs:
        bits += _repeated(0, first - at)
        bits += _repeated(_PAINTED, count)
        at = first + count
    bits += _repeated(0, size.width * size.height - at)
    stream = "".join(bits)
    stream += "0" * (-len(stream) % 8)
    return list(int(stream, 2).to_bytes(len(stream) // 8, "big"))


def _repeated(value: int, pixels: int) -> Iterator[str]:
    """The bits of so many pixels of one value; a run that no length can hold is cut."""
    left = _CHANNELS * pixels
    while left > 0:
        length = min(left, 1 << _LENGTH_BITS[-1])
        choice = next(n for n, bits in enumerate(_LENGTH_BITS) if length <= 1 << bits)
        yield f"1{choice:02b}{length - 1:0{_LENGTH_BITS[choice]}b}{value:08b}"
        left -= length


def _painted_runs(
    outlines: Sequence[Sequence[Point]], size: ImageSize
) -> Iterator[tuple[int, int]]:
    """(First pixel, count) of the pixels whose middle an outline holds, row by row."""
    rows: dict[int, list[tuple[int, int]]] = {}
    for outline in outlines:
        for row, crossings in _crossings(outline, size.height).items():
            crossings.sort()
            pairs = zip(crossings[::2], crossings[1::2], strict=True)
            rows.setdefault(row, []).extend(
                (max(0, math.ceil(left - 0.5)), min(size.width, math.ceil(right - 0.5)))
                for left, right in pairs
            )
    for row in sorted(rows):
        for first, after in _joined(rows[row]):
            yield row * size.width + first, after - first


def _crossings(outline: Sequence[Point], height: int) -> dict[int, list[float]]:
    """Where the outline crosses the middle of each row of the image: x, an even number of times."""
    rows: dict[int, list[float]] = {}
    for (x, y), (x_next, y_next) in zip(outline, [*outline[1:], *outline[:1]], strict=True):
        if y == y_next:
            continue
        first, after = (math.ceil(end - 0.5) for end in sorted((y, y_next)))
        slope = (x_next - x) / (y_next - y)
        for row in range(max(0, first), min(height, after)):
            rows.setdefault(row, []).append(x + (row + 0.5 - y) * slope)
    return rows


def _joined(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans (first, after) of one row as few as can be; empty ones fall away."""
    joined: list[tuple[int, int]] = []
    for first, after in sorted(span for span in spans if span[0] < span[1]):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(after, joined[-1][1]))
        else:
            joined.append((first, after))
    yield from joined
