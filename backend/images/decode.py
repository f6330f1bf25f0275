"""From a file's bytes to an upright 8-bit RGB image, as a browser would show it.

The annotator draws on what the browser shows, so the browser's conventions hold: EXIF orientation is
applied where browsers apply it (XMP's is not), 16-bit greys keep the full range, transparency lies on
white.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from dataclasses import dataclass

from PIL import Image, ImageFile

from backend.errors import ImageRefused, ImageUnreadable, OutOfMemory
from backend.images.exif_orientation import exif_orientation
from backend.images.sniff import what_came
from backend.images.unsupported import unsupported_kind
from models.types import ImageSize

__all__ = ["ImageFacts", "decode_image", "image_facts", "known_format", "upright_size"]

# What Pillow has to say of odd files: a line each, between those of a run or a log, which names no file.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
#: Whose EXIF orientation Chromium and Firefox apply. They show WebP as it is stored, whatever it says.
#: TIFF they do not show at all: it is turned as other programs turn it.
_TURNED = frozenset({"JPEG", "MPO", "PNG", "AVIF"})
_ORIENTATION = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = frozenset({5, 6, 7, 8})
# What Pillow's plugins let through when a file lies about itself.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a file's header says: Pillow's name of its format, and its size once it is upright."""

    format_name: str
    upright: ImageSize
    #: It holds an orientation other than upright, which some programs apply and others do not.
    has_orientation: bool


def decode_image(data: bytes, max_pixels: int) -> Image.Image:
    """The first frame as an upright RGB image with 8 bits per channel.

    Raises `ImageRefused` for more than `max_pixels` pixels (before any is decoded) and
    `ImageUnreadable` when the bytes are not a whole image of a known format. Raises `OutOfMemory` when
    the shortage is ours.
    """
    image = _opened(data, max_pixels)
    try:
        orientation = _orientation(image)
        image.load()
        return _upright(_rgb(image), orientation)
    except MemoryError as error:
        raise _too_little_memory(image.size) from error
    except _DAMAGE as error:
        compression = image.info.get("compression")
        raise ImageUnreadable(_unread(image.format, data, error, compression)) from error
    finally:
        image.close()


def upright_size(data: bytes, max_pixels: int) -> ImageSize:
    """Width and height that `decode_image` would give, from the file's header alone.

    Raises as `decode_image` does, except for damage behind the header.
    """
    return image_facts(data, max_pixels).upright


def image_facts(data: bytes, max_pixels: int) -> ImageFacts:
    """What the file's header says. Raises as `upright_size` does."""
    image = _opened(data, max_pixels)
    width, height = image.size
    orientation = _orientation(image)
    sideways = orientation in _SIDEWAYS
    upright = ImageSize(height, width) if sideways else ImageSize(width, height)
    facts = ImageFacts(
        image.format or "", upright, {orientation, _stored_orientation(image)} != {1}
    )
    image.close()
    return facts


def _opened(data: bytes, max_pixels: int) -> ImageFile.ImageFile:
    """The image with its header read and its size checked."""
    if not data:
        raise ImageUnreadable("the file is empty")
    name = known_format(data)
    if name is None:
        came = what_came(data)
        remedy = "; save it anew as PNG or JPEG" if "image" in came else ""
        raise ImageUnreadable(f"expected an image ({', '.join(_FORMATS)}), got {came}{remedy}")
    # Pillow measures against a bound of its own, global to the process, in several places; where ours is
    # above it, what we took would be refused later: by a crop, or by a format's own reader.
    Image.MAX_IMAGE_PIXELS = max(max_pixels, Image.MAX_IMAGE_PIXELS or 0)
    try:
        # As `Image.open` does it, but our bound is per call, and nothing warns below it.
        image = Image.OPEN[name][0](io.BytesIO(data), "")
    except Image.DecompressionBombError as error:
        raise ImageRefused(f"the {name} image is too large ({error})") from error
    except MemoryError as error:
        raise OutOfMemory(f"memory ran out while the head of the {name} file was read") from error
    except _DAMAGE as error:
        raise ImageUnreadable(_unread(name, data, error)) from error
    width, height = image.size
    if width * height > max_pixels:
        image.close()
        raise ImageRefused(
            f"the image has {width}x{height} pixels, the limit is {max_pixels} (FIRSTPASS_IMAGE_MAX_PIXELS)"
        )
    if width < 1 or height < 1:
        raise ImageUnreadable(f"the image has {width}x{height} pixels")
    return image


def known_format(data: bytes) -> str | None:
    """The allowed format whose signature the file begins with; a broken file behind it is its own error."""
    Image.init()
    for name in _FORMATS:
        accept = Image.OPEN[name][1]
        if accept is not None and accept(data[:16]) is True:
            return name
    return None


def _orientation(image: ImageFile.ImageFile) -> int:
    """The orientation 1..8 in which a browser shows the image."""
    if image.format == "AVIF":
        return _stored_orientation(image)  # the file's own, which Pillow puts in place of EXIF's
    raw = image.info.get("exif") if image.format in _TURNED else None
    return exif_orientation(raw) if isinstance(raw, bytes) else 1


def _stored_orientation(image: ImageFile.ImageFile) -> int:
    """EXIF orientation 1..8, as Pillow and programs that are built on it read it; 1 for damaged EXIF.

    TIFF has no such block: there Pillow gives the upright size and turns the image while loading.
    """
    raw = image.info.get("exif")
    if not isinstance(raw, bytes):
        return 1
    exif = Image.Exif()
    try:
        exif.load(raw)
        value = exif.get(_ORIENTATION, 1)
    except _DAMAGE:
        return 1
    return value if isinstance(value, int) and value in _TRANSPOSE else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TRANSPOSE.get(orientation)
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> Image.Image:
    """RGB without alpha, from any mode that Pillow decodes to."""
    if image.mode.startswith("I;16"):
        return _scaled(image.convert("I"), 65_535.0).convert("RGB")
    if image.mode in ("I", "F"):
        return _scaled(image, _top(image)).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")


def _scaled(image: Image.Image, top: float) -> Image.Image:
    """0..top to 0..255, rounded; Pillow's own conversion would turn everything above 255 white."""
    factor = 255.0 / top
    return image.point(lambda value: value * factor + 0.5).convert("L")


def _top(image: Image.Image) -> float:
    """The value that shows as white in an image without a declared range.

    1 and 255 and 65535 are the customs for float, 8-bit and 16-bit values; above, the brightest one.
    """
    _, high = image.getextrema()
    if not isinstance(high, int | float) or not math.isfinite(high):
        raise ImageUnreadable("the image has values that are not finite")
    customs = (1.0, 255.0, 65_535.0) if image.mode == "F" else (65_535.0,)
    return next((top for top in customs if high <= top), float(high))


def _too_little_memory(size: tuple[int, int]) -> OutOfMemory:
    width, height = size
    return OutOfMemory(
        f"memory ran out while an image of {width}x{height} pixels was decoded; it is tried again. Where "
        "that happens often, give the process more memory, or lower FIRSTPASS_BATCH_MAX or "
        "FIRSTPASS_IMAGE_MAX_PIXELS"
    )


def _unread(
    format_name: str | None, data: bytes, error: BaseException, compression: object = None
) -> str:
    """Why a file of a known format gives no image, and what to do where it is whole."""
    name = format_name or "image"
    kind = unsupported_kind(name, data, error, compression)
    if kind is not None:
        return (
            f"the {name} file is of a kind that is not supported ({_printable(kind)}); save it anew as PNG "
            "or JPEG"
        )
    words = " ".join(str(error).split()) or type(error).__name__
    return f"the {name} file is damaged or incomplete ({_printable(words)})"


def _printable(words: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in words)[:160]
