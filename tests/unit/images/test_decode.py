"""Every odd file becomes an upright RGB image as a browser shows it, or an error that says why not."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from backend.errors import ImageRefused, ImageUnreadable
from backend.images.decode import decode_image, image_facts, upright_size
from tests.unit.images import pictures
from tests.unit.images.pictures import BLUE, GREEN, MANY, RED, WHITE, corners, encoded

UPRIGHT = (RED, GREEN, BLUE, WHITE)
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"]


def pixel(data: bytes, at: tuple[int, int] = (0, 0)) -> tuple[int, ...]:
    found = decode_image(data, MANY).getpixel(at)
    assert isinstance(found, tuple)
    return found


def near(one: tuple[int, ...], other: tuple[int, ...], by: int = 3) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("format_name", FORMATS)
def test_each_format_decodes_to_rgb_of_the_size_in_its_header(format_name: str) -> None:
    data = encoded(corners(), format_name)
    image = decode_image(data, MANY)
    assert (image.mode, image.size) == ("RGB", (48, 32))
    assert pictures.corner_colours(image) == UPRIGHT
    size = upright_size(data, MANY)
    assert (size.width, size.height) == image.size


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(format_name: str, orientation: int) -> None:
    stored = pictures.STORED[orientation](corners())
    data = encoded(stored, format_name, exif=pictures.exif(orientation))
    image = decode_image(data, MANY)
    assert image.size == (48, 32)
    assert pictures.corner_colours(image) == UPRIGHT
    size = upright_size(data, MANY)
    assert (size.width, size.height) == (48, 32)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_webp_is_shown_as_it_is_stored(orientation: int) -> None:
    """Neither Chromium nor Firefox turns it, so annotators see it so; a header says that much."""
    stored = pictures.STORED[orientation](corners())
    data = encoded(stored, "WEBP", lossless=True, exif=pictures.exif(orientation))

    image = decode_image(data, MANY)

    assert image.tobytes() == stored.tobytes()
    facts = image_facts(data, MANY)
    assert (facts.upright.width, facts.upright.height) == stored.size
    assert facts.has_orientation is (orientation != 1)


def test_a_photo_of_several_pictures_is_turned_as_its_first() -> None:
    """Phones store a second picture behind the first (MPO)."""
    stored = pictures.STORED[6](corners())
    more = [corners()]
    data = encoded(stored, "MPO", exif=pictures.exif(6), save_all=True, append_images=more)

    assert pictures.corner_colours(decode_image(data, MANY)) == UPRIGHT


def test_the_upright_image_is_not_turned_a_second_time() -> None:
    data = encoded(pictures.STORED[6](corners()), "JPEG", exif=pictures.exif(6))
    again = encoded(decode_image(data, MANY), "JPEG")
    assert pictures.corner_colours(decode_image(again, MANY)) == UPRIGHT


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_counts_as_none(orientation: int) -> None:
    data = encoded(corners(), "JPEG", exif=pictures.exif(orientation))
    assert pictures.corner_colours(decode_image(data, MANY)) == UPRIGHT


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "raw", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM" + b"\xff" * 40]
)
def test_damaged_exif_counts_as_none(raw: bytes) -> None:
    data = encoded(corners(), "JPEG", exif=raw)
    assert pictures.corner_colours(decode_image(data, MANY)) == UPRIGHT
    assert upright_size(data, MANY).width == 48


def test_xmp_orientation_is_ignored_as_browsers_do() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'
    data = encoded(corners(), "JPEG", xmp=xmp)
    assert decode_image(data, MANY).size == (48, 32)


def test_cmyk_is_converted() -> None:
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    assert near(pixel(encoded(cmyk, "TIFF")), (255, 0, 0))


def test_adobe_inverted_cmyk_jpeg_is_not_a_negative() -> None:
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    data = encoded(cmyk, "JPEG", quality=95)
    assert b"Adobe" in data[:200]
    assert near(pixel(data), (255, 0, 0), by=8)


def test_16_bit_greyscale_png_keeps_its_greys() -> None:
    ramp = Image.new("I;16", (3, 1))
    for x, value in enumerate((0, 32_768, 65_535)):
        ramp.putpixel((x, 0), value)
    data = encoded(ramp, "PNG")
    assert [pixel(data, (x, 0))[0] for x in range(3)] == [0, 128, 255]


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_16_bit_greyscale_tiff_keeps_its_greys_in_both_byte_orders(mode: str) -> None:
    values = (0, 1000, 32_768, 65_535)
    layout = "<4H" if mode == "I;16" else ">4H"
    image = Image.frombytes(mode, (4, 1), struct.pack(layout, *values))
    data = encoded(image, "TIFF")
    assert [pixel(data, (x, 0))[0] for x in range(4)] == [0, 4, 128, 255]


def test_16_bit_with_orientation_is_turned() -> None:
    image = Image.new("I;16", (6, 4), 65_535)
    data = encoded(image, "PNG", exif=pictures.exif(6))
    assert decode_image(data, MANY).size == (4, 6)
    assert pixel(data) == (255, 255, 255)


@pytest.mark.parametrize(
    ("values", "greys"),
    [
        ((0.0, 0.5, 1.0), [0, 128, 255]),
        ((0.0, 100.0, 255.0), [0, 100, 255]),
        ((-5.0, 0.0, 65_535.0), [0, 0, 255]),
        ((0.0, 50_000.0, 100_000.0), [0, 128, 255]),
    ],
)
def test_float_tiff_is_scaled_by_the_range_it_uses(
    values: tuple[float, ...], greys: list[int]
) -> None:
    image = Image.frombytes("F", (3, 1), struct.pack("<3f", *values))
    data = encoded(image, "TIFF")
    assert [pixel(data, (x, 0))[0] for x in range(3)] == greys


def test_32_bit_integer_tiff_is_scaled() -> None:
    image = Image.frombytes("I", (2, 1), struct.pack("<2i", 0, 1_000_000))
    data = encoded(image, "TIFF")
    assert [pixel(data, (x, 0))[0] for x in range(2)] == [0, 255]


def test_infinite_values_are_an_error() -> None:
    image = Image.frombytes("F", (2, 1), struct.pack("<2f", 0.0, float("inf")))
    with pytest.raises(ImageUnreadable, match="not finite"):
        decode_image(encoded(image, "TIFF"), MANY)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_laid_on_white(mode: str) -> None:
    black = (0,) * (len(mode) - 1)
    image = Image.new(mode, (3, 1), (*black, 0))
    image.putpixel((1, 0), (*black, 128))
    image.putpixel((2, 0), (*black, 255))
    data = encoded(image, "PNG")
    assert near(pixel(data, (0, 0)), (255, 255, 255))
    assert near(pixel(data, (1, 0)), (127, 127, 127))
    assert near(pixel(data, (2, 0)), (0, 0, 0))


@pytest.mark.parametrize("format_name", ["PNG", "GIF"])
def test_a_transparent_palette_colour_is_white(format_name: str) -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((1, 0), 1)
    data = encoded(image, format_name, transparency=0)
    assert pixel(data, (0, 0)) == (255, 255, 255)
    assert pixel(data, (1, 0)) == (255, 0, 0)


def test_palette_with_alpha_per_colour_is_laid_on_white() -> None:
    image = Image.new("P", (2, 1), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((1, 0), 1)
    data = encoded(image, "PNG", transparency=bytes([128, 255]))
    assert near(pixel(data, (0, 0)), (127, 127, 127))


@pytest.mark.parametrize(("mode", "colour"), [("L", 77), ("1", 1), ("P", 0)])
def test_grey_bilevel_and_palette_become_rgb(mode: str, colour: int) -> None:
    assert decode_image(encoded(Image.new(mode, (5, 4), colour), "PNG"), MANY).mode == "RGB"


def test_a_transparent_grey_without_alpha_is_white() -> None:
    data = encoded(Image.new("L", (2, 2), 7), "PNG", transparency=7)
    assert pixel(data) == (255, 255, 255)


@pytest.mark.parametrize("format_name", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_of_an_animation_the_first_frame_counts(format_name: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN, BLUE)]
    data = encoded(frames[0], format_name, save_all=True, append_images=frames[1:])
    assert getattr(Image.open(io.BytesIO(data)), "n_frames", 1) == 3
    image = decode_image(data, MANY)
    assert image.size == (16, 16)
    assert near(image.getpixel((8, 8)), RED, by=8)  # type: ignore[arg-type]


def test_multi_picture_jpeg_gives_its_first_picture() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN)]
    data = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert near(pixel(data), RED, by=8)


def test_too_many_pixels_are_refused_before_any_is_decoded() -> None:
    data = pictures.png_bomb(12_000, 12_000)
    assert len(data) < 40_000
    for read in (decode_image, upright_size):
        with pytest.raises(ImageRefused, match="12000x12000 pixels, the limit is 100000000"):
            read(data, 100_000_000)


def test_the_limit_is_ours_and_not_pillows_own() -> None:
    data = pictures.png_bomb(14_000, 14_000)
    assert upright_size(data, 200_000_000).width == 14_000


def test_the_limit_itself_is_allowed() -> None:
    data = encoded(corners(), "PNG")
    assert decode_image(data, 48 * 32).size == (48, 32)
    with pytest.raises(ImageRefused):
        decode_image(data, 48 * 32 - 1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_truncated_file_is_an_error(format_name: str, part: float) -> None:
    noisy = Image.effect_noise((64, 64), 90).convert("RGB")
    data = encoded(noisy, format_name)
    with pytest.raises(ImageUnreadable, match="damaged or incomplete"):
        decode_image(data[: int(len(data) * part)], MANY)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><body>Login</body></html>", "got an HTML page"),
        (b"\xef\xbb\xbf\n<html>", "got an HTML page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "got an SVG"),
        (b"<svg/>", "got an SVG"),
        (b'{"detail": "Not found."}', "got a JSON text"),
        (b"%PDF-1.7", "got a PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "got a HEIC image"),
        (b"\0\0\x01\0\x01\0", "got an icon"),
        (b"P5\n2 2\n255\n", "got a Netpbm image"),
        (bytes(128) + b"DICM", "got a DICOM file"),
        (b"\x76\x2f\x31\x01\x02\0", "got an OpenEXR image"),
        (b"version https://git-lfs.github.com/spec/v1\n", "run `git lfs pull`"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "got a video"),
        (b"RIFF\0\0\0\0WAVEfmt ", "got a sound or video"),
        (b"P6 1 1 255\n\0\0\0", "got a Netpbm image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
        (b"\x00\x01\x02\x03", "unknown kind"),
    ],
)
def test_what_is_no_image_is_named(data: bytes, words: str) -> None:
    for read in (decode_image, upright_size):
        with pytest.raises(ImageUnreadable, match=words):
            read(data, MANY)


@pytest.mark.parametrize("format_name", ["PPM", "TGA", "ICO", "PCX", "SGI", "EPS", "PDF"])
def test_formats_off_the_list_are_not_opened(format_name: str) -> None:
    with pytest.raises(ImageUnreadable, match="expected an image"):
        decode_image(encoded(corners(), format_name), MANY)


SAMPLES = [
    encoded(corners(12, 8), "JPEG", exif=pictures.exif(6)),
    encoded(corners(12, 8), "PNG", exif=pictures.exif(3)),
    encoded(corners(12, 8), "GIF"),
    encoded(corners(12, 8), "WEBP", lossless=True),
    encoded(corners(12, 8), "BMP"),
    encoded(corners(12, 8), "TIFF", compression="tiff_lzw"),
    encoded(Image.new("I;16", (5, 5), 900), "TIFF"),
]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sample=st.sampled_from(SAMPLES),
    edits=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_damage_anywhere_gives_an_rgb_image_or_our_error(
    sample: bytes, edits: list[tuple[int, int]]
) -> None:
    data = bytearray(sample)
    for at, value in edits:
        data[at % len(data)] = value
    try:
        image = decode_image(bytes(data), 1_000_000)
    except (ImageUnreadable, ImageRefused):
        return
    assert image.mode == "RGB"
    size = upright_size(bytes(data), 1_000_000)
    assert (size.width, size.height) == image.size


def jpeg_of_process(marker: int) -> bytes:
    """A JPEG whose frame says that it is coded in another way."""
    return encoded(corners(), "JPEG").replace(b"\xff\xc0", bytes((0xFF, marker)), 1)


def tiff_of_compression(number: int) -> bytes:
    """A TIFF that names another compression than it has."""
    data = encoded(corners(), "TIFF", compression="raw")
    return data.replace(struct.pack("<HHIH", 259, 3, 1, 1), struct.pack("<HHIH", 259, 3, 1, number))


def bmp_of_masks() -> bytes:
    """32 bits a pixel with masks that no reader here knows, as in `rgb32bf.bmp` of a known test set."""
    masks = struct.pack("<III", 0x3FF00000, 0x000FFC00, 0x000003FF)
    header = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 32, 3, 16, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 66 + 16, 0, 0, 66) + header + masks + bytes(16)


UNSUPPORTED = {
    "bmp with masks": (bmp_of_masks(), "bitfields layout"),
    "tiff in JPEG 2000": (tiff_of_compression(34712), "JPEG 2000"),
    "tiff in LERC": (tiff_of_compression(34887), "LERC"),
    "tiff in JPEG XL": (tiff_of_compression(50002), "JPEG XL"),
    "tiff in a compression without a name": (tiff_of_compression(40000), "40000"),
    "tiff in WebP, not built in": (tiff_of_compression(50001), "webp"),
    "tiff in ThunderScan": (tiff_of_compression(32809), "thunderscan"),
    "lossless jpeg": (jpeg_of_process(0xC3), "lossless JPEG"),
    "hierarchical jpeg": (jpeg_of_process(0xC5), "hierarchical JPEG"),
    "lossless arithmetic jpeg": (jpeg_of_process(0xCB), "arithmetic-coded JPEG"),
    "jpeg of 12 bits": (
        encoded(corners(), "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c", 1),
        "12-bit",
    ),
    "tiff of 24 bits": (
        encoded(Image.new("L", (4, 4)), "TIFF").replace(
            struct.pack("<HHIH", 258, 3, 1, 8), struct.pack("<HHIH", 258, 3, 1, 24)
        ),
        "unknown pixel mode",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", UNSUPPORTED)
def test_a_kind_that_is_not_supported_is_not_called_damaged(name: str) -> None:
    """It says what the file is, and how it becomes one that is read."""
    data, kind = UNSUPPORTED[name]

    with pytest.raises(ImageUnreadable, match="not supported") as raised:
        decode_image(data, MANY)

    assert kind in str(raised.value)
    assert "save it anew as PNG or JPEG" in str(raised.value)


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_cut_file_is_damaged_not_unsupported(format_name: str) -> None:
    noise = Image.effect_noise((64, 64), 80).convert("RGB")
    data = encoded(noise, format_name)

    with pytest.raises(ImageUnreadable, match="damaged or incomplete"):
        decode_image(data[: len(data) // 2], MANY)


def test_our_bound_alone_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above Pillow's own, too: a crop of what was taken is not refused, and nothing warns."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)

    image = decode_image(encoded(corners(48, 32), "PNG"), 48 * 32)

    assert image.crop((0, 0, 48, 32)).size == (48, 32)


def test_pillow_prints_nothing_about_odd_files(tmp_path: Path) -> None:
    """An animation of no frames: it is shown as a browser shows it, without a line of Pillow's own."""
    plain = encoded(Image.new("RGB", (4, 4)), "PNG")
    frames = b"acTL" + struct.pack(">II", 0, 0)
    chunk = struct.pack(">I", 8) + frames + struct.pack(">I", zlib.crc32(frames))
    file = tmp_path / "odd.png"
    file.write_bytes(plain[:33] + chunk + plain[33:])
    code = (
        "import sys; from pathlib import Path; from backend.images.decode import decode_image; "
        "print(decode_image(Path(sys.argv[1]).read_bytes(), 100).size)"
    )

    told = subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True
    )

    assert (told.stdout.strip(), told.stderr) == ("(4, 4)", "")
