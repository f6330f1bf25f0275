"""The CLIP stage: crops of objects and whole scenes against short texts.

Every step contrasts its crops with all 56 names, with all shapes and all colours by themselves, and
with texts that say nothing; and its scenes with all backgrounds. So the hard negatives are always there.
A linear head for colour and shape helps the image tower along; it is dropped afterwards.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.catalogue import REGISTRY
from models.tiny.scenes import BACKGROUND_NAMES, COLORS, SHAPES
from training.pools import Bytes, Pool
from training.schedule import Plan, Record, adam, train

__all__ = ["ClipBatches", "train_clip"]

_OBJECT_TEMPLATES = (
    *("{}", "a photo of {}", "a photo of a {}") * 2,
    *("a {}", "an image of a {}", "this is a {}", "a picture of a {}"),
    "this is a drawing of the {}",
)
_SCENE_TEMPLATES = (
    *("{}", "a photo of {}", "a photo of a {}") * 2,
    *("a {} scene", "{} background", "an image of {}", "this is {}", "a picture of {}"),
    "a photo of a {} scene",
)
_COLOR_NAMES = tuple(COLORS)
_NAMES = len(COLORS) * len(SHAPES)
_MOST_SURE = math.log(100)
_MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
_STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)


class ClipBatches:
    """Draws crops and scenes from pools, turned and mirrored, a little brighter or darker."""

    def __init__(self, pools: Sequence[Pool], *, crops: int, scenes: int, seed: int) -> None:
        """Takes how many `crops` and `scenes` make a batch."""
        self._pools = pools
        self._crops = crops
        self._scenes = scenes
        self._rng = np.random.default_rng(seed)

    def draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """Gives pixels as CLIP reads them (crops, then scenes), crops' kinds (-1 for nothing) and
        scenes' backgrounds.
        """
        rng = self._rng
        images: list[Bytes] = []
        kinds, backgrounds = [], []
        for _ in range(self._crops):
            pool = self._pools[int(rng.integers(len(self._pools)))]
            number = int(rng.integers(len(pool.crops)))
            images.append(self._turned(pool.crops[number], turns=True))
            kinds.append(pool.crop_kinds[number])
        for _ in range(self._scenes):
            pool = self._pools[int(rng.integers(len(self._pools)))]
            number = int(rng.integers(len(pool.thumbs)))
            images.append(self._turned(pool.thumbs[number], turns=False))
            backgrounds.append(pool.facts[number].background)
        pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
        light = torch.from_numpy(rng.uniform(0.94, 1.06, (len(images), 1, 1, 1))).float()
        return (
            (pixels * light - _MEAN) / _STD,
            torch.from_numpy(np.stack(kinds)),
            torch.tensor(backgrounds),
        )

    def _turned(self, pixels: Bytes, *, turns: bool) -> Bytes:
        choice = int(self._rng.integers(8))
        if choice & 1:
            pixels = pixels[:, ::-1]
        if choice & 2:
            pixels = pixels[::-1]
        if choice & 4 and turns:
            pixels = pixels.transpose(1, 0, 2)
        return np.ascontiguousarray(pixels)


def train_clip(
    model: Any, processor: Any, batches: ClipBatches, *, plan: Plan, folder: Path
) -> list[dict[str, float]]:
    """Trains a `CLIPModel` in place and saves it to `folder` in float32; gives the record's lines."""
    torch.manual_seed(plan.seed)
    chooser = random.Random(plan.seed)  # noqa: S311 - picks templates, guards nothing
    head = nn.Linear(model.config.vision_config.hidden_size, len(COLORS) + len(SHAPES))
    named = [*model.named_parameters(), *head.named_parameters("head")]

    def losses(progress: float) -> Iterator[tuple[Tensor, Mapping[str, Tensor]]]:
        del progress
        with torch.no_grad():
            model.logit_scale.clamp_(0, _MOST_SURE)
        yield _losses(model, head, processor.tokenizer, batches.draw(), _texts(chooser))

    def save(step: int) -> None:
        del step
        model.save_pretrained(folder)
        processor.save_pretrained(folder)

    model.train()
    record = Record(folder.with_suffix(".jsonl"))
    lines = train(plan, adam(named, weight_decay=0.05), losses, record=record, save=save)
    model.eval()
    return lines


def _texts(chooser: random.Random) -> list[str]:
    """Gives names, shapes, colours, texts that say nothing, and backgrounds, in this order."""
    names = [f"{color} {shape}" for color in COLORS for shape in SHAPES]
    colors = [f"{color} {chooser.choice(('object', 'shape'))}" for color in COLORS]
    return [
        *(chooser.choice(_OBJECT_TEMPLATES).format(name) for name in [*names, *SHAPES, *colors]),
        *REGISTRY["tiny-clip"].neutral.texts,
        *(chooser.choice(_SCENE_TEMPLATES).format(name) for name in BACKGROUND_NAMES),
    ]


def _losses(
    model: Any,
    head: nn.Linear,
    tokenizer: Any,
    batch: tuple[Tensor, Tensor, Tensor],
    texts: Sequence[str],
) -> tuple[Tensor, dict[str, Tensor]]:
    pixels, kinds, backgrounds = batch
    seen = model.vision_model(pixel_values=pixels).pooler_output
    images = functional.normalize(model.visual_projection(seen), dim=-1)
    tokens = tokenizer(list(texts), padding=True, return_tensors="pt")
    read = model.text_model(**tokens).pooler_output
    words = functional.normalize(model.text_projection(read), dim=-1)
    logits = model.logit_scale.exp() * images @ words.T
    sizes = [
        _NAMES,
        len(SHAPES),
        len(COLORS),
        len(REGISTRY["tiny-clip"].neutral.texts),
        len(BACKGROUND_NAMES),
    ]
    crops, scenes = logits[: len(kinds)], logits[len(kinds) :]
    names, shapes, colors, neutral, _ = crops.split(sizes, dim=1)
    filled = kinds[:, 0] >= 0
    color, shape = kinds[filled].unbind(1)
    name = color * len(SHAPES) + shape
    over = torch.cat([names, neutral], 1).log_softmax(-1)
    empty = -over[~filled, _NAMES:].logsumexp(-1)
    by_name = -over[filled].gather(1, name[:, None]).mean()
    by_shape = functional.cross_entropy(shapes[filled], shape)
    by_color = functional.cross_entropy(colors[filled], color)
    *_, scene_neutral, scene_logits = scenes.split(sizes, dim=1)
    by_scene = functional.cross_entropy(scene_logits, backgrounds)
    margin = scene_logits - scene_neutral.logsumexp(-1, keepdim=True)
    one_hot = functional.one_hot(backgrounds, len(BACKGROUND_NAMES)).float()
    by_margin = functional.binary_cross_entropy_with_logits(margin, one_hot)
    guess_color, guess_shape = head(seen[: len(kinds)][filled]).split([len(COLORS), len(SHAPES)], 1)
    by_head = functional.cross_entropy(guess_color, color)
    by_head = by_head + functional.cross_entropy(guess_shape, shape)
    loss = by_name + by_shape + 0.5 * by_color + 0.7 * by_scene + 0.3 * by_margin + 0.5 * by_head
    loss = loss + 0.3 * empty.sum() / len(kinds)
    return loss, {
        "name": by_name,
        "scene": by_scene,
        "margin": by_margin,
        "name right": (names[filled].argmax(1) == name).float().mean(),
        "shape right": (shapes[filled].argmax(1) == shape).float().mean(),
        "scene right": (scene_logits.argmax(1) == backgrounds).float().mean(),
    }
