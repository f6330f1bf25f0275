"""Brush masks out of Label Studio's run-length code."""

from __future__ import annotations

import pytest

from backend.prediction.brush_mask import mask_of_rle, painted_runs
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


def test_runs_are_found_without_unpacking_the_image() -> None:
    """Three rows of four pixels; the code of a huge image is as short as what is painted."""
    assert painted_runs(CODE, ImageSize(7, 5)) == [(9, 4), (16, 4), (23, 4)]


def test_a_mask_whose_colours_are_no_runs_is_read() -> None:
    """The editor paints in the label's colour: four unlike bytes per pixel, written one by one."""
    pixels = bytes([0, 0, 0, 0]) + 2 * bytes([200, 30, 9, 255]) + bytes([0, 0, 0, 0])
    bits = f"{len(pixels):032b}" + f"{7:05b}" + "".join(f"{n - 1:04b}" for n in (3, 4, 8, 16))
    bits += "0" + "10" + f"{len(pixels) - 1:08b}" + "".join(f"{value:08b}" for value in pixels)
    bits += "0" * (-len(bits) % 8)
    code = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]

    assert painted_runs(code, ImageSize(2, 2)) == [(1, 2)]
