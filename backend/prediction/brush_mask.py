"""Label Studio's run-length code for brush masks, read; `brush_rle` says what it looks like. Pure.

It holds the RGBA bytes of the image; the alpha of a pixel is its mask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.types import ImageSize

__all__ = ["mask_of_rle", "painted_runs"]

_CHANNELS = 4
_ALPHA = 3
_PAINTED = re.compile(rb"[^\0]+")


def painted_runs(rle: Sequence[int], size: ImageSize) -> list[tuple[int, int]]:
    """(First pixel, count) of painted pixels, row by row, in order; as long as the code, not the image.

    Raises `ValueError` when the code does not hold an RGBA image of that size.

    >>> painted_runs([0, 0, 0, 4, 57, 27, 252, 191, 224], ImageSize(1, 1))
    [(0, 1)]
    """
    joined: list[tuple[int, int]] = []
    for first, count in _runs(rle, size):
        if joined and sum(joined[-1]) == first:
            joined[-1] = (joined[-1][0], joined[-1][1] + count)
        else:
            joined.append((first, count))
    return joined


def mask_of_rle(rle: Sequence[int], size: ImageSize) -> bytes:
    """One byte per pixel, row by row: 0 outside of the mask, 255 in it. Raises as `painted_runs` does."""
    mask = bytearray(size.width * size.height)
    for first, count in painted_runs(rle, size):
        mask[first : first + count] = b"\xff" * count
    return bytes(mask)


def _runs(rle: Sequence[int], size: ImageSize) -> Iterator[tuple[int, int]]:
    expected = _CHANNELS * size.width * size.height
    bits = _Bits(bytes(rle))
    count, value_bits = bits.take(32), bits.take(5) + 1
    if count != expected or value_bits != 8:
        raise ValueError(
            f"expected run-length code of {size.width}x{size.height} RGBA pixels, "
            f"got {count} values of {value_bits} bits"
        )
    length_bits = [bits.take(4) + 1 for _ in range(4)]
    at = 0
    while at < expected:
        repeated = bits.take(1)
        length = bits.take(length_bits[bits.take(2)]) + 1
        # The first pixel whose alpha is among the values to come, and the first behind them.
        first, after = (
            (end + _CHANNELS - 1 - _ALPHA) // _CHANNELS for end in (at, min(at + length, expected))
        )
        if not repeated:
            values = bits.take(8 * length).to_bytes(length, "big")
            alphas = values[_CHANNELS * first + _ALPHA - at :: _CHANNELS][: after - first]
            for painted in _PAINTED.finditer(alphas):
                yield first + painted.start(), painted.end() - painted.start()
        elif bits.take(8) and first < after:
            yield first, after - first
        at += length


@dataclass(slots=True)
class _Bits:
    """Reads numbers off a stream of bits."""

    code: bytes
    at: int = 0

    def take(self, count: int) -> int:
        """The next `count` bits as a number. Raises `ValueError` behind the end."""
        first, self.at = self.at, self.at + count
        if self.at > 8 * len(self.code):
            raise ValueError("the run-length code ends too early")
        window = int.from_bytes(self.code[first // 8 : (self.at + 7) // 8], "big")
        return (window >> (-self.at % 8)) & ((1 << count) - 1)
