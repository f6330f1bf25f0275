"""Images and regions to be indexed, made up: what a test of the store needs, without any model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from backend.vectors.places import IndexPlace, index_place
from backend.vectors.records import ImageRow, IndexedImage, IndexedRegion, Looks, RegionRow

CLASSIFIER = "0123456789ab"
LOOKS = Looks("ab" * 32, 2**64 - 1, 5, 0.5, 0.25, 120.0, 0.1)


def place_in(
    home: Path, name: str = "project-3-0a1b2c3d", classifier: str = CLASSIFIER
) -> IndexPlace:
    return index_place(home, name, classifier)


def unit(seed: int, width: int = 8) -> tuple[float, ...]:
    """A vector of length 1 that the seed decides."""
    values = np.random.default_rng(seed).normal(size=width)
    return tuple((values / np.linalg.norm(values)).tolist())


def region(seed: int, label: str = "car", **changes: object) -> IndexedRegion:
    row = RegionRow("annotation", 41, f"r{seed}", "label", label, (0.1, 0.2, 0.5, 0.6), None, LOOKS)
    return IndexedRegion(replace(row, **changes), unit(seed), f"crop {seed}".encode())  # type: ignore[arg-type]


def image(
    task: int, *regions: IndexedRegion, vector: tuple[float, ...] | None = None, **changes: object
) -> IndexedImage:
    row = ImageRow(
        str(task), task, 0, f"/data/upload/{task}.png", f"stamp {task}", f"{task:064x}", 64, 48, LOOKS
    )  # fmt: skip
    row = replace(row, **changes)  # type: ignore[arg-type]
    return IndexedImage(row, vector or unit(task), f"image {task}".encode(), regions)
