"""One table of formats and orientations, shown by a real Chromium and decoded by us."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from selenium import webdriver

from backend.errors import ImageUnreadable
from backend.images.decode import decode_image
from tests.e2e.chromium import chromium
from tests.unit.images.pictures import (
    MANY,
    STORED,
    corner_colours,
    corners,
    encoded,
    exif,
    png_chunk,
)

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'
SHOW = """
const [address, done] = arguments;
const image = new Image();
image.onerror = () => done(null);
image.onload = () => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext('2d').drawImage(image, 0, 0);
  done(canvas.toDataURL('image/png'));
};
image.src = address;
"""


def stored(format_name: str, orientation: int, **options: Any) -> bytes:
    picture = STORED[orientation](corners())
    return encoded(picture, format_name, exif=exif(orientation), **options)


def png_with_exif_at_the_end() -> bytes:
    """The orientation stands behind the pixels."""
    block = exif(6).tobytes().removeprefix(b"Exif\0\0")
    data = encoded(STORED[6](corners()), "PNG")
    end = png_chunk(b"IEND", b"")
    return data.removesuffix(end) + png_chunk(b"eXIf", block) + end


def entry(tag: int = 0x0112, kind: int = 3, count: int = 1, value: int = 6) -> bytes:
    """Of EXIF: an orientation as it should be, unless told otherwise."""
    number = struct.pack("<HH", value, 0) if kind in (3, 8) else struct.pack("<I", value)
    return struct.pack("<HHI", tag, kind, count) + number


def exif_of(*entries: bytes, at: int = 8, more: bytes = b"") -> bytes:
    head = b"II*\0" + struct.pack("<I", at)
    listed = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return head.ljust(at, b"\0") + listed + more


ODD_EXIF = {
    "of a wide type": exif_of(entry(kind=4)),
    "of a signed type": exif_of(entry(kind=8)),
    "of a wide signed type": exif_of(entry(kind=9)),
    "of bytes": exif_of(entry(kind=1)),
    "of unknown bytes": exif_of(entry(kind=7)),
    "of no number": exif_of(entry(count=0)),
    "of two numbers": exif_of(entry(count=2)),
    "twice": exif_of(entry(), entry(value=3)),
    "twice, the first bad": exif_of(entry(kind=4, value=3), entry()),
    "twice, the first out of range": exif_of(entry(value=9), entry()),
    "at an odd place": exif_of(entry(), at=21),
    "out of order": exif_of(entry(0x8769, 4, 1, 0), entry()),
    "among the camera's": exif_of(entry(0x8769, 4, 1, 26), more=exif_of(entry())[8:]),
    "first among the camera's": exif_of(
        entry(0x8769, 4, 1, 38), entry(value=3), more=exif_of(entry())[8:]
    ),
    "in a circle": exif_of(entry(0x8769, 4, 1, 8), entry()),
    "cut off": exif_of(entry())[:-6],
    "without an end": exif_of(entry())[:-4],
    "headless": b"Exif\0\0" + exif_of(entry()),
}


def jpeg_with(block: bytes) -> bytes:
    body = b"Exif\0\0" + block
    data = encoded(corners(), "JPEG")
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def png_with(block: bytes) -> bytes:
    data = encoded(corners(), "PNG")
    pixels = data.index(b"IDAT") - 4
    return data[:pixels] + png_chunk(b"eXIf", block) + data[pixels:]


TABLE = {
    **{f"JPEG, {name}": ("JPEG", jpeg_with(block)) for name, block in ODD_EXIF.items()},
    **{f"PNG, {name}": ("PNG", png_with(block)) for name, block in ODD_EXIF.items()},
    **{
        f"{format_name} {orientation}": (format_name, stored(format_name, orientation))
        for format_name in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF")
        for orientation in range(1, 9)
    },
    "GIF": ("GIF", encoded(corners(), "GIF")),
    "BMP": ("BMP", encoded(corners(), "BMP")),
    "JPEG, XMP alone": ("JPEG", encoded(corners(), "JPEG", xmp=XMP)),
    "WEBP, XMP alone": ("WEBP", encoded(corners(), "WEBP", xmp=XMP)),
    "WEBP, lossless, 6": ("WEBP", stored("WEBP", 6, lossless=True)),
    "JPEG, progressive, 6": ("JPEG", stored("JPEG", 6, progressive=True)),
    "JPEG, orientation 0": ("JPEG", encoded(corners(), "JPEG", exif=exif(0))),
    "JPEG, orientation 9": ("JPEG", encoded(corners(), "JPEG", exif=exif(9))),
    "JPEG of two pictures, 6": (
        "JPEG",
        encoded(
            STORED[6](corners()), "MPO", exif=exif(6), save_all=True, append_images=[corners()]
        ),
    ),
    "PNG, orientation behind the pixels": ("PNG", png_with_exif_at_the_end()),
    "PNG, interlaced grey of 16 bits, 6": (
        "PNG",
        encoded(Image.new("I;16", (6, 4), 65_535), "PNG", exif=exif(6)),
    ),
}
#: Chromium shows none of these.
NOT_SHOWN = {"TIFF"}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    profile: Path = tmp_path_factory.mktemp("profile")
    with chromium(profile) as window:
        yield window


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # Pillow looks for the resolution in it
@pytest.mark.parametrize("name", TABLE)
def test_we_decode_what_chromium_shows(browser: webdriver.Chrome, name: str) -> None:
    format_name, data = TABLE[name]
    shown = in_browser(browser, format_name, data)

    if format_name in NOT_SHOWN:
        assert shown is None
        return
    assert shown is not None
    ours = decode_image(data, MANY)
    assert ours.size == shown.size
    assert corner_colours(ours) == corner_colours(shown)


def test_a_broken_file_is_shown_by_neither(browser: webdriver.Chrome) -> None:
    """What the table compares is a picture, not an error on both sides."""
    assert in_browser(browser, "PNG", b"no image") is None
    with pytest.raises(ImageUnreadable):
        decode_image(b"no image", MANY)


def in_browser(browser: webdriver.Chrome, format_name: str, data: bytes) -> Image.Image | None:
    """The image as the browser draws it; `None` where it shows none."""
    address = f"data:image/{format_name.lower()};base64,{base64.b64encode(data).decode()}"
    drawn = browser.execute_async_script(SHOW, address)
    if drawn is None:
        return None
    body = base64.b64decode(str(drawn).partition(",")[2])
    return Image.open(io.BytesIO(body)).convert("RGB")
