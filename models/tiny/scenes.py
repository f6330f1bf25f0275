"""Generated scenes: a textured background, a little clutter, and 1 to 8 coloured shapes.

The tiny checkpoints were trained on this distribution of pixels and know nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from models.tiny.backgrounds import BACKGROUNDS, FloatArray, paint_background
from models.tiny.shapes import SHAPES, outline, turned
from models.types import Box, Point

__all__ = ["BACKGROUND_NAMES", "COLORS", "SHAPES", "Scene", "SceneObject", "generate_scene"]

#: Colour name -> RGB.
COLORS: dict[str, tuple[int, int, int]] = {
    "red": (214, 40, 40),
    "green": (40, 170, 60),
    "blue": (40, 80, 220),
    "yellow": (245, 220, 50),
    "orange": (245, 140, 30),
    "purple": (140, 60, 190),
    "white": (245, 245, 245),
    "black": (20, 20, 20),
}
BACKGROUND_NAMES = tuple(BACKGROUNDS)

_LIGHT_EDGED = ("black", "purple", "blue")
_LARGEST_OVERLAP = 0.06
_PLACEMENT_TRIES = 25


@dataclass(frozen=True, slots=True)
class SceneObject:
    """One shape as drawn: its box and outline in pixels of the scene's image."""

    color: str
    shape: str
    box: Box
    polygon: tuple[Point, ...]

    @property
    def name(self) -> str:
        """Colour and shape: `red circle`."""
        return f"{self.color} {self.shape}"


@dataclass(frozen=True, slots=True)
class Scene:
    """An RGB image and what was drawn on it."""

    image: Image.Image
    background: str
    objects: tuple[SceneObject, ...]


def generate_scene(
    seed: int, *, min_objects: int = 1, max_objects: int = 8, long_side: int | None = None
) -> Scene:
    """Gives the scene of a seed: RGB, `long_side` pixels (200 to 359 by default) on its longer side.

    Objects overlap by at most a sixteenth of the smaller one's box. One that finds no room is left
    out, so a crowded scene may hold fewer than `min_objects`.

    Raises `ValueError` for counts out of order or a side under 100 pixels.
    """
    if not 0 <= min_objects <= max_objects:
        raise ValueError(
            f"expected 0 <= min_objects <= max_objects, got {min_objects} and {max_objects}"
        )
    rng = np.random.default_rng(seed)
    width, height = _size_wh(rng, long_side)
    background = BACKGROUND_NAMES[rng.integers(len(BACKGROUND_NAMES))]
    pixels = paint_background(rng, background, width=width, height=height)
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    _draw_clutter(rng, image, pixels)
    objects = _draw_objects(rng, image, int(rng.integers(min_objects, max_objects + 1)))
    return Scene(_as_photographed(rng, image), background, tuple(objects))


def _size_wh(rng: np.random.Generator, long_side: int | None) -> tuple[int, int]:
    side = long_side if long_side is not None else int(rng.integers(200, 360))
    if side < 100:
        raise ValueError(f"expected a longer side of at least 100 pixels, got {side}")
    ratio = math.exp(rng.uniform(-math.log(1.9), math.log(1.9))) if rng.random() < 0.8 else 1.0
    if ratio >= 1:
        return side, max(100, int(side / ratio))
    return max(100, int(side * ratio)), side


def _draw_clutter(rng: np.random.Generator, image: Image.Image, pixels: FloatArray) -> None:
    """Draws up to five lines and specks in colours near the background's."""
    draw = ImageDraw.Draw(image)
    width, height = image.size
    for _ in range(int(rng.integers(0, 6))):
        near = pixels[int(rng.integers(height)), int(rng.integers(width))]
        color = _rgb(near + rng.uniform(-45, 45, 3))
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        if rng.random() < 0.6:
            end = x + rng.uniform(-0.4, 0.4) * width, y + rng.uniform(-0.4, 0.4) * height
            draw.line([(x, y), end], fill=color, width=int(rng.integers(1, 3)))
        else:
            r = rng.uniform(0.008, 0.02) * max(width, height)
            draw.ellipse([x - r, y - r, x + r, y + r], fill=color)


def _draw_objects(rng: np.random.Generator, image: Image.Image, count: int) -> list[SceneObject]:
    largest = 0.21 if count <= 4 else 0.16
    kinds = [_kind(rng) for _ in range(int(rng.integers(1, 4)))] if rng.random() < 0.4 else None
    objects: list[SceneObject] = []
    for _ in range(count):
        for _ in range(_PLACEMENT_TRIES):
            color, shape = kinds[rng.integers(len(kinds))] if kinds else _kind(rng)
            radius = rng.uniform(0.062, largest) * math.sqrt(image.width * image.height)
            placed = _placed(rng, image, color, shape, radius)
            if placed is not None and not any(_crowds(placed.box, o.box) for o in objects):
                _draw(rng, image, placed, radius)
                objects.append(placed)
                break
    return objects


def _kind(rng: np.random.Generator) -> tuple[str, str]:
    return tuple(COLORS)[rng.integers(len(COLORS))], SHAPES[rng.integers(len(SHAPES))]


def _placed(
    rng: np.random.Generator, image: Image.Image, color: str, shape: str, radius: float
) -> SceneObject | None:
    """Gives the shape turned and put somewhere inside the image, or `None` if it does not fit."""
    angle = rng.uniform(0, 2 * math.pi) if rng.random() < 0.6 else rng.uniform(-0.2, 0.2)
    points = turned(outline(shape, radius), angle)
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    top, bottom = min(y for _, y in points), max(y for _, y in points)
    if right - left > image.width - 4 or bottom - top > image.height - 4:
        return None
    x = rng.uniform(1 - left, image.width - right - 1)
    y = rng.uniform(1 - top, image.height - bottom - 1)
    return SceneObject(
        color,
        shape,
        Box(float(x + left), float(y + top), float(x + right), float(y + bottom)),
        tuple((float(x + px), float(y + py)) for px, py in points),
    )


def _crowds(box: Box, other: Box) -> bool:
    width = min(box.x_max, other.x_max) - max(box.x_min, other.x_min)
    height = min(box.y_max, other.y_max) - max(box.y_min, other.y_min)
    if width <= 0 or height <= 0:
        return False
    return width * height > _LARGEST_OVERLAP * min(box.area, other.area)


def _draw(rng: np.random.Generator, image: Image.Image, thing: SceneObject, radius: float) -> None:
    """Draws a shape with a contrasting edge; a ring's hole shows what lies behind."""
    color = np.clip(np.array(COLORS[thing.color], np.float32) + rng.uniform(-16, 16, 3), 0, 255)
    edge = _rgb(color + 75 if thing.color in _LIGHT_EDGED else color * 0.55)
    line = max(1, round(radius * 0.07))
    points = list(thing.polygon)
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).polygon(points, fill=255)
    hole: list[float] | None = None
    if thing.shape == "ring":
        r = radius * rng.uniform(0.5, 0.62)
        x = sum(px for px, _ in points) / len(points)
        y = sum(py for _, py in points) / len(points)
        hole = [x - r, y - r, x + r, y + r]
        ImageDraw.Draw(mask).ellipse(hole, fill=0)
    image.paste(_rgb(color), (0, 0), mask)
    draw = ImageDraw.Draw(image)
    draw.line([*points, points[0]], fill=edge, width=line)
    if hole is not None:
        draw.ellipse(hole, outline=edge, width=line)


def _as_photographed(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Gives the image, sometimes a little blurred, darkened or brightened, and noisy."""
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.0))))
    if rng.random() < 0.6:
        pixels = np.asarray(image, np.float32) * rng.uniform(0.85, 1.12)
        pixels = pixels + rng.standard_normal(pixels.shape) * rng.uniform(1, 7)
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return image


def _rgb(color: FloatArray) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in np.clip(color, 0, 255))
    return red, green, blue
