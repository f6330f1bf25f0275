"""The vision stage: Florence-2's vision tower and projector alone, with dense losses.

Every cell under an object has to say what colour and shape it is and where its box lies, in numbers
and in location tokens; every cell whether an object has its middle there; the token for the whole image
what the background is. Every object counts the same, however many cells it covers. The heads are
dropped afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.boxes import BINS
from models.tiny.scenes import BACKGROUND_NAMES, COLORS, SHAPES
from training.features import middle_cells, normalised, object_cells
from training.pools import Bytes, Floats, Pool
from training.schedule import Plan, Record, adam, train
from training.vocabulary import GRID

__all__ = ["SceneDrawer", "TowerHeads", "train_tower"]

_LOCATION_SPREAD = 8.0
_COLORS, _SHAPES = len(COLORS), len(SHAPES)


@dataclass(frozen=True, slots=True)
class SceneBatch:
    """n scenes, and one entry for each cell under an object: its number among n * cells, the object's
    kind, its box (xyxy in 0..1) and its weight; weights sum to 1.
    """

    images: Tensor
    backgrounds: Tensor
    #: (n, cells): 1 where an object has its middle.
    middles: Tensor
    places: Tensor
    kinds: Tensor
    boxes: Tensor
    weights: Tensor


class SceneDrawer:
    """Draws scenes from pools, turned and mirrored, brighter or darker."""

    def __init__(self, pools: Sequence[Pool], *, scenes: int, seed: int) -> None:
        """Takes how many `scenes` make a batch."""
        self._pools = pools
        self._scenes = scenes
        self._rng = np.random.default_rng(seed)

    def draw(self) -> SceneBatch:
        """Gives a batch."""
        cells = GRID * GRID
        images, backgrounds, places, kinds, boxes, weights = [], [], [], [], [], []
        middles = np.zeros((self._scenes, cells), np.float32)
        for row in range(self._scenes):
            pool = self._pools[int(self._rng.integers(len(self._pools)))]
            number = int(self._rng.integers(len(pool.facts)))
            facts = pool.facts[number]
            pixels, turned = self._turned(pool.pixels[number], facts.boxes)
            images.append(np.ascontiguousarray(pixels))
            backgrounds.append(facts.background)
            middles[row, middle_cells(turned)] = 1
            covered = object_cells(turned)
            thing, cell = np.nonzero(covered)
            places.append(row * cells + cell)
            kinds.append(facts.kinds[thing])
            boxes.append(turned[thing])
            weights.append((1 / covered.sum(1))[thing])
        weight = torch.from_numpy(np.concatenate(weights)).float()
        return SceneBatch(
            images=self._lit(normalised(np.stack(images))),
            backgrounds=torch.tensor(backgrounds),
            middles=torch.from_numpy(middles),
            places=torch.from_numpy(np.concatenate(places)),
            kinds=torch.from_numpy(np.concatenate(kinds)),
            boxes=torch.from_numpy(np.concatenate(boxes)),
            weights=weight / weight.sum(),
        )

    def _turned(self, pixels: Bytes, boxes: Floats) -> tuple[npt.NDArray[np.uint8], Floats]:
        choice = int(self._rng.integers(8))
        if choice & 1:
            pixels = pixels[:, ::-1]
            boxes = np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], 1)
        if choice & 2:
            pixels = pixels[::-1]
            boxes = np.stack([boxes[:, 0], 1 - boxes[:, 3], boxes[:, 2], 1 - boxes[:, 1]], 1)
        if choice & 4:
            pixels, boxes = pixels.transpose(1, 0, 2), boxes[:, [1, 0, 3, 2]]
        return pixels, boxes

    def _lit(self, images: Tensor) -> Tensor:
        """Gives normalised images with contrast and tint changed a little."""
        contrast = self._rng.uniform(0.9, 1.1, (len(images), 1, 1, 1))
        tint = self._rng.uniform(-0.13, 0.13, (len(images), 3, 1, 1))
        return images * torch.from_numpy(contrast).float() + torch.from_numpy(tint).float()


class TowerHeads(nn.Module):
    """What is read off the image tokens while the tower learns."""

    def __init__(self, width: int) -> None:
        """Takes the width of the image tokens."""
        super().__init__()
        self.dense = nn.Sequential(
            nn.Linear(width, 128), nn.GELU(), nn.Linear(128, 1 + _COLORS + _SHAPES + 4)
        )
        self.locations = nn.Linear(width, 4 * width)
        self.background = nn.Linear(width, len(BACKGROUND_NAMES))

    def losses(
        self, tokens: Tensor, batch: SceneBatch, location_embedding: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Gives the loss for image tokens (n, 1 + cells, width), and its parts."""
        cells = tokens[:, 1:]
        dense = self.dense(cells)
        middle = functional.binary_cross_entropy_with_logits(
            dense[..., 0], batch.middles, pos_weight=torch.tensor(3.0)
        )
        guesses = dense.flatten(0, 1)[batch.places, 1:]
        color, shape, box = guesses.split([_COLORS, _SHAPES, 4], 1)
        kind = _weighted(
            functional.cross_entropy(color, batch.kinds[:, 0], reduction="none"), batch
        )
        kind = kind + _weighted(
            functional.cross_entropy(shape, batch.kinds[:, 1], reduction="none"), batch
        )
        distance = functional.smooth_l1_loss(box, batch.boxes, beta=0.02, reduction="none").mean(1)
        placed = _weighted(distance, batch)
        seen = self.locations(cells.flatten(0, 1)[batch.places])
        located = self._located(seen.unflatten(1, (4, -1)) @ location_embedding.T, batch.boxes)
        background = self.background(tokens[:, 0])
        scene = functional.cross_entropy(background, batch.backgrounds)
        loss = 3 * middle + 1.5 * kind + 5 * placed + 0.7 * located + 0.5 * scene
        return loss, {
            "middle": middle,
            "kind": kind,
            "box": placed,
            "location": located,
            "color right": _weighted((color.argmax(1) == batch.kinds[:, 0]).float(), batch),
            "shape right": _weighted((shape.argmax(1) == batch.kinds[:, 1]).float(), batch),
            "scene right": (background.argmax(1) == batch.backgrounds).float().mean(),
        }

    def _located(self, scores: Tensor, boxes: Tensor) -> Tensor:
        wanted = (boxes * BINS).clamp(0, BINS - 1)[..., None]
        offsets = (torch.arange(BINS) - wanted) / _LOCATION_SPREAD
        bell = (-0.5 * offsets**2).softmax(-1)
        spare = (bell * bell.clamp_min(1e-9).log()).sum(-1)
        return (spare - (bell * scores.log_softmax(-1)).sum(-1)).mean()


def train_tower(
    model: Any, processor: Any, drawer: SceneDrawer, *, plan: Plan, folder: Path
) -> list[dict[str, float]]:
    """Trains the vision tower and projector in place and saves the model to `folder` in float32;
    gives the record's lines.
    """
    torch.manual_seed(plan.seed)
    first = processor.tokenizer.convert_tokens_to_ids("<loc_0>")
    shared = model.model.language_model.shared.weight
    embedding = shared[first : first + BINS].detach().clone()
    heads = TowerHeads(shared.shape[1])
    named = [
        *model.model.vision_tower.named_parameters(),
        *model.model.multi_modal_projector.named_parameters(),
        *heads.named_parameters("heads"),
    ]

    def losses(progress: float) -> Iterator[tuple[Tensor, Mapping[str, Tensor]]]:
        del progress
        batch = drawer.draw()
        yield heads.losses(model.get_image_features(batch.images).pooler_output, batch, embedding)

    def save(step: int) -> None:
        del step
        model.save_pretrained(folder)
        processor.save_pretrained(folder)

    model.train()
    record = Record(folder.with_suffix(".jsonl"))
    lines = train(plan, adam(named, weight_decay=0.03), losses, record=record, save=save)
    model.eval()
    return lines


def _weighted(values: Tensor, batch: SceneBatch) -> Tensor:
    return (values * batch.weights).sum()
