"""Textured backgrounds, one look for each scene name."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["BACKGROUNDS", "paint_background"]

#: Of float32 or float64.
FloatArray: TypeAlias = NDArray[Any]

#: Scene name -> mean RGB colour.
BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "grass": (95, 150, 70),
    "desert": (215, 180, 125),
    "water": (75, 140, 180),
    "night": (22, 24, 48),
    "snow": (222, 228, 236),
    "bricks": (150, 85, 70),
}


def paint_background(
    rng: np.random.Generator, background: str, *, width: int, height: int
) -> FloatArray:
    """Gives a background as RGB floats, shape (height, width, 3), about 0..255 but not clipped."""
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    colour = np.array(BACKGROUNDS[background], np.float32)
    colour += rng.uniform(-14, 14, 3).astype(np.float32)
    angle = rng.uniform(0, 2 * math.pi)
    slope = (math.cos(angle) * (x - 0.5) + math.sin(angle) * (y - 0.5)) * rng.uniform(0, 50)
    cell = int(rng.integers(20, 60))
    light = slope + _noise(rng, x, y, cell=cell, amplitude=rng.uniform(2, 9))
    light = _textured(rng, background, light, x, y)
    return (colour[None, None, :] + light[:, :, None]).astype(np.float32)


def _textured(
    rng: np.random.Generator, background: str, light: FloatArray, x: FloatArray, y: FloatArray
) -> FloatArray:
    """Gives the brightness `light`, shape (height, width), with a scene's own pattern added."""
    height, width = light.shape
    textured: FloatArray
    match background:
        case "grass":
            textured = light + _noise(rng, x, y, cell=3, amplitude=11)
        case "desert":
            dunes = rng.uniform(3, 7) * y + 1.2 * np.sin(3 * x + rng.uniform(0, 6))
            grain = _noise(rng, x, y, cell=2, amplitude=3)
            textured = light + 12 * np.sin(2 * math.pi * dunes) + grain
        case "water":
            waves = rng.uniform(9, 16) * y + 0.5 * np.sin(8 * x + rng.uniform(0, 6))
            glitter = 0.4 + 0.6 * np.abs(np.sin(9 * x))
            textured = light + 13 * np.sin(2 * math.pi * waves) * glitter
        case "night":
            stars = (rng.random((height, width)) > 0.997).astype(np.float32)
            textured = light * 0.5 + stars * rng.uniform(120, 220)
        case "snow":
            flakes = rng.random((max(2, height // 2), max(2, width // 2))) > 0.985
            fall = _stretched(flakes.astype(np.float32), width, height)
            textured = light * 0.5 + 26 * fall - 6
        case "bricks":
            textured = light + _bricks(rng, x, y) + _noise(rng, x, y, cell=4, amplitude=4)
        case _:
            raise ValueError(f"expected one of {', '.join(BACKGROUNDS)}, got {background!r}")
    return textured


def _bricks(rng: np.random.Generator, x: FloatArray, y: FloatArray) -> FloatArray:
    """Gives 55 where there is mortar and 0 elsewhere, shape (height, width)."""
    rows = rng.uniform(7, 12)
    row_at = y * rows
    row = np.floor(row_at)
    column_at = x * rows * 0.5 * (x.shape[1] / y.shape[0]) + 0.5 * (row % 2)
    mortar: FloatArray = ((row_at - row) < 0.12) | ((column_at - np.floor(column_at)) < 0.06)
    return 55 * mortar.astype(np.float32)


def _noise(
    rng: np.random.Generator, x: FloatArray, y: FloatArray, *, cell: int, amplitude: float
) -> FloatArray:
    """Gives smooth normal noise, shape (height, width), with one value every `cell` pixels."""
    height, width = y.shape[0], x.shape[1]
    coarse = rng.standard_normal((max(2, height // cell), max(2, width // cell)))
    return _stretched(coarse.astype(np.float32), width, height) * np.float32(amplitude)


def _stretched(values: FloatArray, width: int, height: int) -> FloatArray:
    image = Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image)
