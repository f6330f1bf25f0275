"""Vectors of labels that are planted on axes of their own, and what people made of what was predicted."""

from __future__ import annotations

import numpy as np

from backend.learning.evidence import Observed, TagEvidence
from models.types import Box

LABELS = ("car", "dog", "cat")


def observed(
    predicted: str,
    true: str | None,
    count: int,
    *,
    looks: int,
    seed: int = 0,
    looser: float = 0.0,
    first: int = 0,
) -> list[Observed]:
    """So many, each of an image of its own, near the axis `looks`; people draw boxes wider by `looser`."""
    chance = np.random.default_rng((seed, looks, first))
    found = []
    for number in range(first, first + count):
        vector = np.eye(8)[looks] + chance.normal(0, 0.12, 8)
        vector /= np.linalg.norm(vector)
        wide = 50 * (1 + looser)
        found.append(
            Observed(
                predicted,
                true,
                f"{looks}-{number}",
                vector.astype(np.float32),
                Box(100, 100, 150, 150),
                None
                if true is None
                else Box(125 - wide / 2, 125 - wide / 2, 125 + wide / 2, 125 + wide / 2),
            )
        )
    return found


def evidence(*some: list[Observed]) -> TagEvidence:
    """Of a tag whose labels' texts lie on the first axes."""
    texts = np.eye(8, dtype=np.float32)[: len(LABELS)]
    together = tuple(one for each in some for one in each)
    return TagEvidence("box", LABELS, texts, together, is_box=True)
