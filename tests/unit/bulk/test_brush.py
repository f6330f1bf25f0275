"""Brush masks out of Label Studio's run-length code."""

from __future__ import annotations

import pytest

from backend.bulk.brush import mask_of_rle
from models.types import ImageSize

#: What label-studio-sdk 2.1.2 (`converter.brush.mask2rle`) makes of a 7x5 mask of 255 at rows 1..3 and
#: columns 2..5.
CODE = [0, 0, 0, 140, 57, 27, 254, 35, 0, 191, 255, 108, 2, 255, 253, 176, 11, 255, 248, 124, 0]


def test_a_mask_of_label_studios_own_encoder_is_read_back() -> None:
    """Row by row, one byte per pixel."""
    mask = mask_of_rle(CODE, ImageSize(7, 5))

    rows = [mask[7 * row : 7 * row + 7] for row in range(5)]
    assert rows == [bytes(7), *[b"\0\0\xff\xff\xff\xff\0"] * 3, bytes(7)]


@pytest.mark.parametrize(("code", "reason"), [(CODE[:-3], "too early"), ([], "too early")])
def test_code_that_is_cut_off_is_refused(code: list[int], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        mask_of_rle(code, ImageSize(7, 5))


def test_code_of_another_size_is_refused() -> None:
    """Before anything is decoded: a code may claim any size."""
    with pytest.raises(ValueError, match="7x6"):
        mask_of_rle(CODE, ImageSize(7, 6))
