"""A lab for `firstpass explore`: generated scenes, what is done to them, and their vectors by the tiny CLIP.

Vectors stay in `.cache/`, by the pixels and the model's fingerprint, so that a second run asks the model nothing.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from models.protocols import ImageQueries
from models.queries import Embed, EmbedTexts
from models.runtime import LoadedRuntime, RuntimeOptions, load_runtime
from models.tiny.scenes import Scene, generate_scene
from models.types import Vector, Vectors
from tests.bench.kept_answers import KeptAnswers

__all__ = [
    "COPIES",
    "FIRST_SCENE",
    "noise",
    "photographs",
    "scenes_of",
    "small_scene_vectors",
    "text_vectors",
    "vectors_of",
]

MODEL = "tiny-clip"
#: Scenes that the tiny models were never trained on, and that no other benchmark uses.
FIRST_SCENE = 7_900_000_000
_BATCH = 64

Floats = NDArray[np.float32]


def _jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=40)
    return Image.open(file).convert("RGB")


def _half(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC)


def _bright(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(1.15)


def _cropped(image: Image.Image) -> Image.Image:
    across, down = round(image.width * 0.05), round(image.height * 0.05)
    return image.crop((across, down, image.width - across, image.height - down))


def _flipped(image: Image.Image) -> Image.Image:
    return ImageOps.mirror(image)


#: What is done to an image to have a copy of it.
COPIES: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG": _jpeg,
    "half size": _half,
    "brighter": _bright,
    "cropped": _cropped,
    "flipped": _flipped,
}


def scenes_of(run: int, count: int, part: int = 0) -> list[Scene]:
    """The scenes of one seed; another `part` has others."""
    first = FIRST_SCENE + run * 1_000_000 + part * 100_000
    return [generate_scene(seed) for seed in range(first, first + count)]


def photographs() -> list[Image.Image]:
    """The two photographs that scikit-learn ships, cut into twelve parts that do not overlap."""
    found = []
    for name in ("china.jpg", "flower.jpg"):
        data = files("sklearn.datasets.images").joinpath(name).read_bytes()
        whole = Image.open(io.BytesIO(data)).convert("RGB")
        side = whole.height // 2
        across = whole.width // 3
        found += [
            whole.crop((x * across, y * side, (x + 1) * across, (y + 1) * side))
            for y in range(2)
            for x in range(3)
        ]
    return found


def noise(seed: int, count: int) -> list[Image.Image]:
    """Images of nothing but noise."""
    chance = np.random.default_rng(seed)
    return [
        Image.fromarray(chance.integers(0, 256, (200, 260, 3), dtype=np.uint8))
        for _ in range(count)
    ]


def vectors_of(images: Iterable[Image.Image]) -> Floats:
    """A vector of length 1 for each image, float32, shape (images, width)."""
    runtime, kept = _runtime(), _kept()
    found: list[NDArray[Any]] = []
    waiting: list[Image.Image] = []
    for image in images:
        waiting.append(image)
        if len(waiting) == _BATCH:
            found.append(_some(waiting, runtime, kept))
            waiting = []
    if waiting:
        found.append(_some(waiting, runtime, kept))
    return np.concatenate(found).astype(np.float32)


def small_scene_vectors(count: int, side: int = 128) -> Floats:
    """Vectors of so many small scenes; those that were kept are not even painted again."""
    runtime, kept = _runtime(), KeptAnswers.of_scenes()
    seeds = range(FIRST_SCENE + 500_000_000, FIRST_SCENE + 500_000_000 + count)
    names = [f"{runtime.fingerprint}:small {side}:{seed}" for seed in seeds]
    there = kept.get(names)
    missing = [number for number, value in enumerate(there) if value is None]
    for start in range(0, len(missing), _BATCH):
        some = missing[start : start + _BATCH]
        asked = [
            ImageQueries(generate_scene(seeds[n], long_side=side).image, names[n], (Embed(),))
            for n in some
        ]
        made = {names[n]: _stored(one) for n, (one,) in zip(some, runtime.run(asked), strict=True)}
        kept.put(made)
        for number in some:
            there[number] = made[names[number]]
    return np.stack([np.frombuffer(value or b"", "<f4") for value in there])


def text_vectors(texts: Sequence[str]) -> Floats:
    """A vector of length 1 for each text as it stands, float32, shape (texts, width)."""
    ((answer,),) = _runtime().run([ImageQueries(None, "", (EmbedTexts(tuple(texts)),))])
    assert isinstance(answer, Vectors)
    return np.array([one.values for one in answer.items], np.float32)


def _some(images: Sequence[Image.Image], runtime: LoadedRuntime, kept: KeptAnswers) -> Floats:
    digests = [sha256(repr(image.size).encode() + image.tobytes()).hexdigest() for image in images]
    names = [f"{runtime.fingerprint}:{digest}" for digest in digests]
    there = kept.get(names)
    missing = [number for number, value in enumerate(there) if value is None]
    if missing:
        asked = [ImageQueries(images[n], digests[n], (Embed(),)) for n in missing]
        made: dict[str, bytes] = {}
        for number, (answer,) in zip(missing, runtime.run(asked), strict=True):
            there[number] = made[names[number]] = _stored(answer)
        kept.put(made)
    return np.stack([np.frombuffer(value or b"", "<f4") for value in there])


def _stored(answer: object) -> bytes:
    assert isinstance(answer, Vector)
    return np.array(answer.values, "<f4").tobytes()


@lru_cache(maxsize=1)
def _runtime() -> LoadedRuntime:
    return load_runtime(MODEL, "cpu", options=RuntimeOptions(cpu_threads=1))


@lru_cache(maxsize=1)
def _kept() -> KeptAnswers:
    return KeptAnswers(Path(__file__).parents[2] / ".cache" / "explore-lab" / "vectors.sqlite")
