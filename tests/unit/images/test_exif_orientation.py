"""EXIF blocks that are none, or break off; that good ones are read as browsers do, a browser shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backend.images.decode import decode_image, image_facts
from backend.images.exif_orientation import exif_orientation
from tests.unit.images.pictures import MANY, encoded, exif

HEADS = st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"Exif\0\0II*\0"])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_pillow_writes_is_read(orientation: int) -> None:
    assert exif_orientation(exif(orientation).tobytes()) == orientation


@given(HEADS, st.binary(max_size=200))
def test_any_bytes_have_an_orientation(head: bytes, rest: bytes) -> None:
    assert exif_orientation(head + rest) in range(1, 9)
    assert exif_orientation(rest) in range(1, 9)


@given(st.integers(0, 100))
def test_a_block_that_breaks_off_is_upright_or_read(length: int) -> None:
    assert exif_orientation(exif(6).tobytes()[:length]) in (1, 6)


def test_an_orientation_that_some_programs_alone_apply_is_known_of() -> None:
    """Of a wide type: browsers do not turn it, and Pillow does."""
    block = b"Exif\0\0" + bytes.fromhex(
        "49492a00 08000000 0100 1201 0400 01000000 06000000 00000000"
    )
    data = encoded(Image.new("RGB", (8, 6)), "JPEG", exif=block)

    assert decode_image(data, MANY).size == (8, 6)
    assert image_facts(data, MANY).has_orientation
