"""Which examples show the same, so that none is judged by a copy of itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.learning.evidence import FloatArray

__all__ = ["SAME_COSINE", "folds_of", "groups_of"]

#: Two vectors so near are of one picture, stored twice: another thing of its kind is further away.
SAME_COSINE = 0.9995
_ROWS = 512


def groups_of(images: Sequence[str], vectors: FloatArray) -> FloatArray:
    """A number for each example, the same for those of one image and for those that look the same.

    >>> groups_of(["a", "b", "a"], np.eye(3, dtype=np.float32)).tolist()
    [0, 1, 0]
    """
    first: dict[str, int] = {}
    root = np.array([first.setdefault(image, len(first)) for image in images], np.int64)
    names = list(range(len(first)))

    def find(one: int) -> int:
        while names[one] != one:
            names[one] = names[names[one]]
            one = names[one]
        return one

    for start in range(0, len(vectors), _ROWS):
        near = vectors[start : start + _ROWS] @ vectors.T >= SAME_COSINE
        for row, column in zip(*np.nonzero(near), strict=True):
            if start + row < column:
                one, other = sorted((find(int(root[start + row])), find(int(root[column]))))
                names[other] = one
    found: FloatArray = np.array([find(int(each)) for each in root], np.int64)
    return found


def folds_of(groups: FloatArray, folds: int, seed: int = 0) -> FloatArray:
    """A fold for each example; those of one group are in one fold.

    >>> folds = folds_of(np.array([3, 5, 3, 9]), 2)
    >>> bool(folds[0] == folds[2])
    True
    """
    names, inverse = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names)) % folds
    found: FloatArray = order[inverse]
    return found
