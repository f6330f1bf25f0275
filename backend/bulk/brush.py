"""Label Studio's run-length code for brush masks, read. Pure.

A stream of bits, most significant first: 32 bits for the number of values, 5 for the bits of a value and 4
times 4 for the sizes of run lengths (each less one). Then runs: a bit that says whether one value is
repeated, 2 bits that choose the size of the length, the length less one, and the value or values.
The values are RGBA bytes, row by row; the alpha of a pixel is its mask.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.types import ImageSize

__all__ = ["mask_of_rle"]


def mask_of_rle(rle: Sequence[int], size: ImageSize) -> bytes:
    """One byte per pixel, row by row: 0 outside of the mask.

    Raises `ValueError` when the code does not hold an RGBA image of that size.
    """
    expected = 4 * size.width * size.height
    bits = _Bits(bytes(rle))
    count, value_bits = bits.take(32), bits.take(5) + 1
    if count != expected:
        raise ValueError(
            f"expected run-length code of {size.width}x{size.height} RGBA pixels, got {count} values"
        )
    length_bits = [bits.take(4) + 1 for _ in range(4)]
    values = bytearray()
    while len(values) < expected:
        repeated = bits.take(1)
        length = bits.take(length_bits[bits.take(2)]) + 1
        if repeated:
            values += bytes([bits.take(value_bits)]) * min(length, expected - len(values))
        else:
            values += bytes(bits.take(value_bits) for _ in range(length))
    return bytes(values[3:expected:4])


class _Bits:
    """Reads numbers off a stream of bits."""

    def __init__(self, code: bytes) -> None:
        self._code = code
        self._at = 0

    def take(self, count: int) -> int:
        """The next `count` bits as a number. Raises `ValueError` behind the end."""
        first, self._at = self._at, self._at + count
        if self._at > 8 * len(self._code):
            raise ValueError("the run-length code ends too early")
        window = int.from_bytes(self._code[first // 8 : (self._at + 7) // 8], "big")
        return (window >> (-self._at % 8)) & ((1 << count) - 1)
