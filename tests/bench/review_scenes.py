"""What the review loop is measured on: generated scenes, what is drawn on them, and how they are changed.

The truth is known, since it was drawn. A domain changes the picture, the names of the labels, or how wide
people draw boxes; so it decides what the models get wrong.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image

from models.boxes import clip, grown
from models.tiny.scenes import SHAPES, SceneObject, generate_scene
from models.types import Box, ImageSize

__all__ = [
    "DOMAINS",
    "GREY",
    "HUE_TURNED",
    "LOOSE",
    "NOISY",
    "PLAIN",
    "RENAMED",
    "Domain",
    "LabLabel",
    "Truth",
    "label_config",
    "picture_of",
    "truth_of",
]

#: Noise of this standard deviation: the tiny models still find most things, and some that are none.
NOISE_SIGMA = 60.0
#: A third of the way around the circle of hues, as PIL counts them.
HUE_STEP = 85
#: Scenes whose drawn things are remembered: a few bytes each.
REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class LabLabel:
    """A label, what it stands for in a scene (`star`, `red star`, `red object`), and what is asked for it."""

    value: str
    truth: str
    asked: tuple[str, ...] = ()

    def names(self, thing: SceneObject) -> bool:
        """Whether a thing is one of it."""
        return self.truth in (thing.shape, thing.name, f"{thing.color} object")


def _as_it_is(image: Image.Image, seed: int) -> Image.Image:
    return image


def _hue_turned(image: Image.Image, seed: int) -> Image.Image:
    hue, saturation, value = image.convert("HSV").split()
    turned = hue.point(lambda each: (each + HUE_STEP) % 256)
    return Image.merge("HSV", (turned, saturation, value)).convert("RGB")


def _grey(image: Image.Image, seed: int) -> Image.Image:
    return image.convert("L").convert("RGB")


def _noisy(image: Image.Image, seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).standard_normal((image.height, image.width, 3))
    pixels = np.asarray(image, np.float32) + noise * NOISE_SIGMA
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


#: The shapes under their own names.
SHAPE_LABELS = tuple(LabLabel(shape, shape) for shape in SHAPES)
#: Names that mean nothing to any model.
OTHER_NAMES = ("tavo", "mirel", "kelvin", "oster", "runda", "pleck", "suvi")


@dataclass(frozen=True, slots=True)
class Domain:
    """How scenes are changed. `loose`: by which share of their sides people draw boxes wider than things are."""

    name: str
    change: Callable[[Image.Image, int], Image.Image] = _as_it_is
    labels: tuple[LabLabel, ...] = SHAPE_LABELS
    loose: float = 0.0


PLAIN = Domain("plain")
HUE_TURNED = Domain("hue turned", _hue_turned)
GREY = Domain("grey", _grey)
NOISY = Domain("noisy", _noisy)
RENAMED = Domain(
    "renamed",
    labels=tuple(LabLabel(n, shape) for n, shape in zip(OTHER_NAMES, SHAPES, strict=True)),
)
LOOSE = Domain("loose", loose=0.15)
DOMAINS: Mapping[str, Domain] = {
    domain.name: domain for domain in (PLAIN, HUE_TURNED, GREY, NOISY, RENAMED, LOOSE)
}


@dataclass(frozen=True, slots=True)
class Truth:
    """What a person would mark on a scene: labels with boxes in percent of its sides."""

    size: ImageSize
    boxes: Sequence[tuple[str, Box]] = field(default_factory=tuple)


def picture_of(seed: int, domain: Domain) -> bytes:
    """The scene as a PNG file."""
    file = io.BytesIO()
    domain.change(generate_scene(seed).image, seed).save(file, format="PNG")
    return file.getvalue()


def truth_of(seed: int, domain: Domain) -> Truth:
    """What is there, under the domain's labels and as wide as people draw it."""
    size, things = _drawn(seed)
    across, down = 100 / size.width, 100 / size.height
    boxes = []
    for thing in things:
        box = clip(grown(thing.box, domain.loose), size)
        for label in domain.labels:
            if box is not None and label.names(thing):
                sides = (box.x_min * across, box.y_min * down, box.x_max * across, box.y_max * down)
                boxes.append((label.value, Box(*sides)))
    return Truth(size, tuple(boxes))


def label_config(domain: Domain, attributes: Mapping[str, str] | None = None) -> str:
    """The project's label config; `attributes` for its tag of regions."""
    given = "".join(f" {name}={quoteattr(value)}" for name, value in (attributes or {}).items())
    labels = "".join(map(_label_tag, domain.labels))
    return (
        f'<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image"{given}>'
        f"{labels}</RectangleLabels></View>"
    )


def _label_tag(label: LabLabel) -> str:
    asked = f" predicted_values={quoteattr(','.join(label.asked))}" if label.asked else ""
    return f"<Label value={quoteattr(label.value)}{asked}/>"


@lru_cache(maxsize=REMEMBERED)
def _drawn(seed: int) -> tuple[ImageSize, tuple[SceneObject, ...]]:
    scene = generate_scene(seed)
    return ImageSize(*scene.image.size), scene.objects
