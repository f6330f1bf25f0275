"""Generated scenes and what is made of them: copies as people make them, and scenes that are none."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from models.tiny.scenes import generate_scene

__all__ = ["COPIES", "scene", "with_one_thing_more"]


@lru_cache(maxsize=64)
def scene(seed: int) -> Image.Image:
    return generate_scene(700 + seed, min_objects=2).image


def compressed(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=40)
    return Image.open(file).convert("RGB")


def cropped(image: Image.Image) -> Image.Image:
    across, down = image.width // 20, image.height // 20
    return image.crop((across, down, image.width - across, image.height - down))


COPIES = {
    "compressed": compressed,
    "half as large": lambda image: image.resize((image.width // 2, image.height // 2)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "cropped": cropped,
    "mirrored": ImageOps.mirror,
}


def with_one_thing_more(image: Image.Image) -> Image.Image:
    """The same place with something in it that was not there before."""
    found = image.copy()
    side = min(found.size) // 4
    ImageDraw.Draw(found).rectangle((10, 10, 10 + side, 10 + side), fill=(250, 0, 250))
    return found
