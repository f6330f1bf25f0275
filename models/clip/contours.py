"""The outline of what stands out from its surroundings in a box, by its pixels alone (GrabCut)."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from PIL import Image

from models.boxes import clip, enclosing, grown
from models.types import Box, Detection, Detections, ImageSize

__all__ = ["contour"]

#: The surroundings by which the thing is told apart, and the rim in which it may reach out of its box: shares of
#: the box's sides, half on each side.
_AROUND, _RIM = 0.5, 0.24
#: Least surroundings in pixels.
_LEAST_AROUND = 4
_ROUNDS = 2
#: Where the thing may be is told by the mask.
_NO_RECT = (0, 0, 1, 1)
#: What is smaller than this share of the box is a speck in it.
_LEAST_SHARE = 0.1


def contour(image: Image.Image, box: Box, most_side: int = 192) -> Detections:
    """Gives the outline of the largest thing in a box of an upright RGB image, and the box around it.

    A larger crop is shrunk to `most_side` pixels.

    Nothing where nothing stands out. The same pixels and box give the same outline.

    Raises `ValueError` when the box lies off the image.
    """
    size = ImageSize(*image.size)
    wide = grown(box, _AROUND)
    seen = clip(
        Box(
            math.floor(wide.x_min - _LEAST_AROUND),
            math.floor(wide.y_min - _LEAST_AROUND),
            math.ceil(wide.x_max + _LEAST_AROUND),
            math.ceil(wide.y_max + _LEAST_AROUND),
        ),
        size,
    )
    if seen is None:
        raise ValueError(f"expected a box on an image of {image.size}, got {box}")
    left, top = int(seen.x_min), int(seen.y_min)
    crop = image.crop((left, top, math.ceil(seen.x_max), math.ceil(seen.y_max)))
    factor = max(crop.size) / most_side
    if factor > 1:
        crop = crop.resize((max(1, int(crop.width / factor)), max(1, int(crop.height / factor))))
    across = (math.ceil(seen.x_max) - left) / crop.width
    down = (math.ceil(seen.y_max) - top) / crop.height
    rim = grown(box, _RIM)
    inner = Box(
        (rim.x_min - left) / across,
        (rim.y_min - top) / down,
        (rim.x_max - left) / across,
        (rim.y_max - top) / down,
    )
    points = _outlined(np.ascontiguousarray(np.asarray(crop.convert("RGB"))), inner)
    outline = tuple((left + x * across, top + y * down) for x, y in points)
    around = enclosing(outline) if outline else None
    around = clip(around, size) if around is not None else None
    if around is None or around.area < _LEAST_SHARE * box.area:
        return Detections(())
    return Detections((Detection(around, "", None, polygon=outline),))


def _outlined(pixels: Any, inner: Box) -> list[tuple[float, float]]:
    """The corners of the largest thing that is not as what lies outside of `inner`, in pixels."""
    height, width = pixels.shape[:2]
    x_min, y_min = max(0, round(inner.x_min)), max(0, round(inner.y_min))
    x_max, y_max = min(width, round(inner.x_max)), min(height, round(inner.y_max))
    mask = np.full((height, width), cv2.GC_BGD, np.uint8)
    mask[y_min:y_max, x_min:x_max] = cv2.GC_PR_FGD
    if not (mask == cv2.GC_BGD).any() or not (mask == cv2.GC_PR_FGD).any():
        return []
    # It begins by chance, so that the chance has to be the same.
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(
            pixels,
            mask,
            _NO_RECT,
            np.zeros((1, 65)),
            np.zeros((1, 65)),
            _ROUNDS,
            cv2.GC_INIT_WITH_MASK,
        )
    except cv2.error:  # pixels that are all alike
        return []
    thing = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    found, _ = cv2.findContours(thing, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest = max(found, key=cv2.contourArea, default=None)
    if largest is None or cv2.contourArea(largest) <= 0:
        return []
    x, y = largest[:, 0, 0], largest[:, 0, 1]
    # Contours run through the middle of pixels; a thing reaches to the far side of its last one.
    middle_x, middle_y = (x.min() + x.max()) / 2, (y.min() + y.max()) / 2
    return [
        (float(a + (a > middle_x)), float(b + (b > middle_y))) for a, b in zip(x, y, strict=True)
    ]
