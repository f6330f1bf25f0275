"""The language stage: the vision tower is frozen, and the language model learns prompts and answers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.batches import Batch, collate
from training.features import object_cells
from training.guidance import LanguageLosses
from training.lessons import Kind, Lessons
from training.pools import SceneFacts
from training.schedule import Plan, Record, adam, train

__all__ = ["LessonDrawer", "Mix", "train_language"]


@dataclass(frozen=True, slots=True)
class Mix:
    """Lessons of each kind in one step. Short answers and long ones go through the model apart."""

    one_phrase: int = 28
    region: int = 4
    joined: int = 60
    detect: int = 14
    caption: int = 6

    def groups(self) -> tuple[tuple[Kind, ...], tuple[Kind, ...]]:
        """Gives the kinds of the two forward passes."""
        one_phrase: tuple[Kind, ...] = ("one phrase",)
        region: tuple[Kind, ...] = ("region",)
        joined: tuple[Kind, ...] = ("joined",)
        detect: tuple[Kind, ...] = ("detect",)
        caption: tuple[Kind, ...] = ("caption",)
        return (
            one_phrase * self.one_phrase + region * self.region,
            joined * self.joined + detect * self.detect + caption * self.caption,
        )


class LessonDrawer:
    """Draws batches of lessons about scenes whose image tokens are at hand."""

    def __init__(
        self,
        facts: Sequence[SceneFacts],
        features: Sequence[npt.NDArray[np.float16]],
        lessons: Lessons,
        seed: int,
    ) -> None:
        """`features`: arrays (n, c, width) that together hold one entry for each of `facts`."""
        self._facts = facts
        self._features = features
        self._ends = np.cumsum([len(array) for array in features])
        self._cells = [object_cells(scene.boxes) for scene in facts]
        self._rng = np.random.default_rng(seed)
        self.lessons = lessons

    def draw(self, kinds: Sequence[Kind]) -> Batch:
        """Gives a batch with one lesson of each kind."""
        chosen = self._rng.integers(len(self._facts), size=len(kinds)).tolist()
        made = [
            self.lessons.make(kind, self._facts[n]) for kind, n in zip(kinds, chosen, strict=True)
        ]
        tokens = torch.from_numpy(np.stack([self._tokens(n) for n in chosen])).float()
        return collate(made, tokens, [self._cells[n] for n in chosen], self.lessons.first_location)

    def _tokens(self, number: int) -> npt.NDArray[np.float16]:
        part = int(np.searchsorted(self._ends, number, side="right"))
        tokens: npt.NDArray[np.float16] = self._features[part][number - self._ends[part]]
        return tokens


def train_language(
    model: Any, processor: Any, drawer: LessonDrawer, *, mix: Mix, plan: Plan, folder: Path
) -> list[dict[str, float]]:
    """Trains the language model in place on frozen image tokens and saves it to `folder` in float32;
    gives the record's lines.
    """
    torch.manual_seed(plan.seed)
    losses = LanguageLosses(model, drawer.lessons.first_location)
    model.requires_grad_(False)
    model.model.language_model.requires_grad_(True)
    named = [
        *model.model.language_model.named_parameters(),
        *losses.binding.named_parameters("binding"),
    ]
    groups = dict(zip(("short", "long"), mix.groups(), strict=True))
    steps_taken = itertools.count()

    def step(progress: float) -> Iterator[tuple[Tensor, Mapping[str, Tensor]]]:
        bind = next(steps_taken) > plan.warm_up
        for group, kinds in groups.items():
            loss, figures = losses(drawer.draw(kinds), progress, bind=bind)
            yield loss, {f"{name} {group}": figure for name, figure in figures.items()}

    def save(number: int) -> None:
        del number
        model.save_pretrained(folder)
        processor.save_pretrained(folder)

    model.train()
    record = Record(folder.with_suffix(".jsonl"))
    try:
        return train(plan, adam(named, weight_decay=0.03), step, record=record, save=save)
    finally:
        losses.close()
        model.requires_grad_(True).eval()
