"""Vectors with a plan: groups around directions, as a model's vectors lie around what images show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["WIDTH", "around", "directions", "unit"]

WIDTH = 32


def unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """The same, each of length 1."""
    found: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(
        np.float32
    )
    return found


def directions(count: int, seed: int = 0) -> NDArray[np.float32]:
    """So many directions, no two of them near to each other."""
    chance = np.random.default_rng(seed)
    square = np.linalg.qr(chance.standard_normal((WIDTH, WIDTH)))[0]
    return unit(square[:count])


def around(
    centres: NDArray[Any], sizes: Sequence[int], spread: float = 0.08, seed: int = 0
) -> NDArray[np.float32]:
    """So many vectors around each of the centres, in their order."""
    chance = np.random.default_rng(seed)
    parts = [
        centre + chance.standard_normal((size, WIDTH)) * spread
        for centre, size in zip(centres, sizes, strict=True)
    ]
    return unit(np.concatenate(parts))
