"""Training scenes on disk: a folder of arrays, memory-mapped, for all stages.

Pixels are kept at the size that each model reads them, resized as its processor does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.clip.crops import crop_square
from models.tiny.scenes import BACKGROUND_NAMES, COLORS, SHAPES, Scene, SceneObject, generate_scene
from models.types import Box

__all__ = [
    "CLIP_SIDE",
    "FIRST_TRAINING_SEED",
    "SIDE",
    "Pool",
    "SceneFacts",
    "facts_of",
    "make_pool",
    "open_pool",
]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

#: Pixels a side that Florence-2 and CLIP read.
SIDE = 160
CLIP_SIDE = 64
FIRST_TRAINING_SEED = 10_000_000

_CROPS_PER_SCENE = 3
_COLOR_NAMES = tuple(COLORS)
#: Kind of a crop that shows no object.
_NOTHING = (-1, -1)


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """What is on a scene: `kinds` (n, 2) colour and shape numbers, `boxes` (n, 4) xyxy in 0..1.

    Objects are in the order in which the model lists them: by the middle of the box, left to right.
    """

    background: int
    kinds: Ints
    boxes: Floats


@dataclass(frozen=True, slots=True)
class Pool:
    """Scenes of one folder. RGB, uint8: `pixels` (n, 160, 160, 3), `thumbs` (n, 64, 64, 3), and
    `crops` (m, 64, 64, 3) with `crop_kinds` (m, 2), -1 where a crop shows no object.
    """

    facts: tuple[SceneFacts, ...]
    pixels: Bytes
    thumbs: Bytes
    crops: Bytes
    crop_kinds: Ints


def make_pool(folder: Path, *, first_seed: int, count: int) -> None:
    """Writes a pool of `count` scenes with objects, from `first_seed` on."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = _array(folder / "pixels.npy", count, SIDE)
    thumbs = _array(folder / "thumbs.npy", count, CLIP_SIDE)
    crops = _array(folder / "crops.npy", count * _CROPS_PER_SCENE, CLIP_SIDE)
    facts: list[SceneFacts] = []
    crop_kinds: list[tuple[int, int]] = []
    seed = first_seed
    while len(facts) < count:
        scene = generate_scene(seed)
        rng = np.random.default_rng((seed, 1))
        seed += 1
        if not scene.objects:
            continue
        pixels[len(facts)] = _resized(scene.image, SIDE)
        thumbs[len(facts)] = _resized(scene.image, CLIP_SIDE)
        for box, kind in _crop_boxes(scene, rng):
            crop = crop_square(scene.image, box, growth=float(rng.uniform(0.03, 0.3)))
            crops[len(crop_kinds)] = _resized(crop, CLIP_SIDE)
            crop_kinds.append(kind)
        facts.append(facts_of(scene))
    for array in (pixels, thumbs, crops):
        array.flush()
    np.savez(
        folder / "facts.npz",
        backgrounds=np.array([fact.background for fact in facts]),
        counts=np.array([len(fact.kinds) for fact in facts]),
        kinds=np.concatenate([fact.kinds for fact in facts]),
        boxes=np.concatenate([fact.boxes for fact in facts]),
        crop_kinds=np.array(crop_kinds),
    )


def open_pool(folder: Path) -> Pool:
    """Opens a pool that `make_pool` wrote; pixels stay on disk until they are read.

    Raises `FileNotFoundError` for a folder without one.
    """
    stored = np.load(folder / "facts.npz")
    ends = np.cumsum(stored["counts"])
    kinds: list[Ints] = np.split(stored["kinds"], ends[:-1])
    boxes: list[Floats] = np.split(stored["boxes"], ends[:-1])
    backgrounds = stored["backgrounds"].tolist()
    crop_kinds = stored["crop_kinds"]
    return Pool(
        tuple(map(SceneFacts, backgrounds, kinds, boxes)),
        np.load(folder / "pixels.npy", mmap_mode="r"),
        np.load(folder / "thumbs.npy", mmap_mode="r"),
        np.load(folder / "crops.npy", mmap_mode="r")[: len(crop_kinds)],
        crop_kinds,
    )


def facts_of(scene: Scene) -> SceneFacts:
    """Gives a scene's objects as numbers, left to right."""
    width, height = scene.image.size
    things = sorted(scene.objects, key=lambda thing: thing.box.x_min + thing.box.x_max)
    rows = [(t.box.x_min, t.box.y_min, t.box.x_max, t.box.y_max) for t in things]
    boxes = np.array(rows, np.float32).reshape(-1, 4)
    return SceneFacts(
        BACKGROUND_NAMES.index(scene.background),
        np.array([_kind(thing) for thing in things], np.int64).reshape(-1, 2),
        (boxes / (width, height, width, height)).astype(np.float32),
    )


def _kind(thing: SceneObject) -> tuple[int, int]:
    return _COLOR_NAMES.index(thing.color), SHAPES.index(thing.shape)


def _array(path: Path, count: int, side: int) -> np.memmap[tuple[int, ...], np.dtype[np.uint8]]:
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, side, side, 3))


def _resized(image: Image.Image, side: int) -> Bytes:
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))


def _crop_boxes(scene: Scene, rng: np.random.Generator) -> list[tuple[Box, tuple[int, int]]]:
    """Gives up to three boxes to cut out: of objects, a little off, and now and then of nothing."""
    chosen = rng.permutation(len(scene.objects))[:_CROPS_PER_SCENE]
    boxes = [
        (_jittered(scene.objects[number].box, rng), _kind(scene.objects[number]))
        for number in chosen
    ]
    if len(boxes) < _CROPS_PER_SCENE and (empty := _empty_box(scene, rng)) is not None:
        boxes.append((empty, _NOTHING))
    return boxes


def _jittered(box: Box, rng: np.random.Generator) -> Box:
    width, height = box.x_max - box.x_min, box.y_max - box.y_min
    left, top, right, bottom = rng.normal(0, 0.03, 4).clip(-0.1, 0.1)
    return Box(
        box.x_min + left * width,
        box.y_min + top * height,
        box.x_max + right * width,
        box.y_max + bottom * height,
    )


def _empty_box(scene: Scene, rng: np.random.Generator) -> Box | None:
    """Gives a square that touches no object, or `None` if five tries find none."""
    width, height = scene.image.size
    for _ in range(5):
        side = float(rng.uniform(0.15, 0.4)) * min(width, height)
        x, y = float(rng.uniform(0, width - side)), float(rng.uniform(0, height - side))
        if not any(
            thing.box.x_min < x + side
            and x < thing.box.x_max
            and thing.box.y_min < y + side
            and y < thing.box.y_max
            for thing in scene.objects
        ):
            return Box(x, y, x + side, y + side)
    return None
