"""The demo's images: generated scenes as PNG files, with what they show."""

from __future__ import annotations

import io
from dataclasses import dataclass

from backend.demo.evaluation import Labelled, Truth
from models.tiny.scenes import generate_scene
from models.types import ImageSize

__all__ = ["DemoImage", "demo_images"]

#: Far from the seeds that the tiny checkpoints were trained on.
FIRST_SEED = 7_000_000
#: Pixels; large enough to look at in an editor.
LONG_SIDE = 480


@dataclass(frozen=True, slots=True)
class DemoImage:
    """One file to upload and its truth in the words of `label_config/demo.xml`."""

    name: str
    png: bytes
    truth: Truth


def demo_images(count: int, first_seed: int = FIRST_SEED) -> tuple[DemoImage, ...]:
    """That many images, always the same ones."""
    return tuple(_image(number, first_seed + number) for number in range(1, count + 1))


def _image(number: int, seed: int) -> DemoImage:
    scene = generate_scene(seed, min_objects=2, max_objects=6, long_side=LONG_SIDE)
    file = io.BytesIO()
    scene.image.save(file, format="PNG")
    truth = Truth(
        size=ImageSize(*scene.image.size),
        boxes=tuple(Labelled(thing.shape, thing.box) for thing in scene.objects),
        tag=scene.background,
    )
    return DemoImage(f"scene-{number:02d}.png", file.getvalue(), truth)
