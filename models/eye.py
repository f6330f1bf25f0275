"""Looks at pixels without any model: hashes by which copies are known, light, sharpness, a thumbnail."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.answering import Answering
from models.clip.crops import crop_square
from models.protocols import ImageQuery
from models.queries import InBox, Look, QueryKind
from models.types import Appearance, ModelOutput

__all__ = ["Eye", "appearance"]

Array: TypeAlias = NDArray[Any]

#: Longer side in pixels of what is measured.
_MEASURED = 256
_QUALITY = 80
#: Side of the square that is hashed, and of the frequencies that are kept of it.
_HASHED, _KEPT = 32, 8
#: Values of each channel that are told apart where colours are counted.
_SHADES = 16
_THREADS = 2


class Eye:
    """Answers `Look`, of images and of boxes."""

    queries: frozenset[QueryKind] = frozenset({Look})
    dtype = "uint8"

    def answer(self, questions: Sequence[ImageQuery]) -> list[ModelOutput]:
        """Gives an `Appearance` for each question, in order."""
        with self.beside(questions) as answers:
            return answers()

    @contextmanager
    def beside(self, questions: Sequence[ImageQuery]) -> Iterator[Callable[[], list[ModelOutput]]]:
        """Looks while the block runs, on other threads; what is given waits for the answers."""
        if not questions:
            yield list
            return
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="eye") as pool:
            looking = [pool.submit(_seen, one) for one in questions]
            yield lambda: [one.result() for one in looking]

    def asked_by(self, answering: Answering) -> Eye:
        """Gives itself."""
        return self


def appearance(image: Image.Image, thumbnail_px: int) -> Appearance:
    """Gives what an upright RGB image looks like.

    >>> told = appearance(Image.new("RGB", (40, 30), "white"), 128)
    >>> told.brightness, told.contrast, told.commonest_share
    (1.0, 0.0, 1.0)
    """
    pixels = np.asarray(image)
    digest = hashlib.sha256(f"{image.width}x{image.height} ".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    small = _sized(pixels, _MEASURED)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    mean, deviation = cv2.meanStdDev(grey)
    _, sharp = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))
    one, other = _hashes(grey)
    return Appearance(
        digest.hexdigest(),
        one,
        other,
        brightness=round(float(mean[0, 0]) / 255, 6),
        contrast=round(float(deviation[0, 0]) / 255, 6),
        sharpness=round(float(sharp[0, 0]) ** 2, 3),
        commonest_share=round(_commonest(small), 6),
        thumbnail=base64.b64encode(_thumbnail(small, pixels, thumbnail_px)).decode(),
    )


def _seen(question: ImageQuery) -> Appearance:
    image, query = question.item.image, question.query
    asked = query.ask if isinstance(query, InBox) else query
    if not isinstance(asked, Look):
        raise TypeError(f"expected a look, got {query!r:.80}")
    shown = crop_square(image, query.box) if isinstance(query, InBox) else image
    return appearance(shown, asked.thumbnail_px)


def _sized(pixels: Array, longer: int) -> Array:
    """The image with a longer side of so many pixels."""
    height, width = pixels.shape[:2]
    share = longer / max(height, width)
    size = max(1, round(width * share)), max(1, round(height * share))
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=how))


def _hashes(grey: Array) -> tuple[int, int]:
    """The hash of an image and of its mirror image, from its low frequencies.

    A bit is set where a frequency is stronger than the middle one. In a mirror the odd ones along x change sign.
    """
    square = cv2.resize(grey, (_HASHED, _HASHED), interpolation=cv2.INTER_AREA)
    low = cv2.dct(square.astype(np.float32))[:_KEPT, :_KEPT]
    return _bits(low), _bits(low * np.where(np.arange(_KEPT) % 2, -1, 1))


def _bits(low: Array) -> int:
    # A flat image has no frequencies but what rounding leaves; its bits must not hang on that.
    flat = np.round(low.ravel(), 1)
    # The first is the mean brightness, which says nothing of the shape.
    return int("".join("1" if value else "0" for value in flat > np.median(flat[1:])), 2)


def _commonest(small: Array) -> float:
    # Every second pixel of every second line tells it as well.
    shades = (small[::2, ::2] // (256 // _SHADES)).astype(np.uint16)
    colours = (shades[..., 0] * _SHADES + shades[..., 1]) * _SHADES + shades[..., 2]
    return float(np.bincount(colours.ravel()).max() / colours.size)


def _thumbnail(small: Array, pixels: Array, side: int) -> bytes:
    """Of an image that is smaller than a thumbnail the image itself."""
    longer = max(pixels.shape[:2])
    shown = Image.fromarray(
        pixels if longer <= side else _sized(small if side < _MEASURED else pixels, side)
    )
    data = io.BytesIO()
    shown.save(data, "JPEG", quality=_QUALITY)
    return data.getvalue()
