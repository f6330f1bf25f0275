"""The nearest of many vectors by cosine, exactly: block by block, so that memory stays small. Pure."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from backend.vectors.store import FloatArray
from backend.vectors.vector_file import HalfArray

__all__ = ["IntArray", "best", "cosines", "nearest"]

IntArray: TypeAlias = NDArray[np.int64]

#: Vectors that are made wide at once: of 512 numbers each 32 MB.
_BLOCK = 16_384


def cosines(stored: HalfArray, slots: IntArray, queries: FloatArray) -> FloatArray:
    """The cosine of each query with the vector of each slot, shape (queries, slots)."""
    found = np.empty((len(queries), len(slots)), np.float32)
    for start in range(0, len(slots), _BLOCK):
        some = slots[start : start + _BLOCK]
        found[:, start : start + _BLOCK] = queries @ stored[some].astype(np.float32).T
    return found


def nearest(
    stored: HalfArray, slots: IntArray, queries: FloatArray, k: int
) -> tuple[IntArray, FloatArray]:
    """The places in `slots` of the nearest to each query and their cosines, both (queries, k or fewer).

    Of equal ones the first comes first.
    """
    places = np.zeros((len(queries), 0), np.int64)
    found = np.zeros((len(queries), 0), np.float32)
    for start in range(0, len(slots), _BLOCK):
        some = slots[start : start + _BLOCK]
        fresh = cosines(stored, some, queries)
        own = np.broadcast_to(np.arange(start, start + len(some)), fresh.shape)
        places, found = best(np.hstack([places, own]), np.hstack([found, fresh]), k)
    return places, found


def best(places: IntArray, found: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    """The `k` of each line with the largest cosines, the largest first; of equal ones the first."""
    if found.shape[1] > 4 * k:
        # Far fewer to sort; those equal to the last one are kept, so that the order does not hang on luck.
        least = np.partition(found, -k, axis=1)[:, -k].min()
        keep = (found >= least).any(axis=0)
        places, found = places[:, keep], found[:, keep]
    order = np.argsort(-found, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(places, order, 1), np.take_along_axis(found, order, 1)
