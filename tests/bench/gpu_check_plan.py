"""What the check of a GPU measures, and how much of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.bench.gpu_check_models import BASE, CLIP_B_32, LARGE, SMALL, SMALL_CLIP, Size

__all__ = ["FULL", "SMOKE", "Plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and how often."""

    sizes: tuple[Size, ...]
    clip: Mapping[str, Mapping[str, Any]]
    labels: tuple[int, ...]
    #: Images in one batch that a worker hands over.
    images: tuple[int, ...]
    #: Images in one pass of the tower alone.
    tower: tuple[int, ...]
    #: Rows in one decoded batch beside the engine's own number.
    row_batches: tuple[int, ...]
    #: Images and labels each whose answers are compared.
    compared: tuple[int, int]
    #: Side of the square matrices whose product is measured.
    square: int
    tokens: int = 12
    rounds: int = 3
    #: Steps that would begin later are left out.
    limit_s: float = 330.0


FULL = Plan(
    sizes=(BASE, LARGE),
    clip=CLIP_B_32,
    labels=(1, 5, 20),
    images=(1, 4, 16),
    tower=(1, 4, 8, 16, 32, 64),
    row_batches=(32, 64, 128),
    compared=(4, 5),
    square=8192,
)
SMOKE = Plan(
    sizes=(SMALL,),
    clip=SMALL_CLIP,
    labels=(1, 2),
    images=(1, 2),
    tower=(1, 2),
    row_batches=(2,),
    compared=(2, 2),
    square=64,
    tokens=4,
    rounds=1,
)
