"""The nearest of all images by their vectors, found exactly, and what makes vectors fit for it. Pure.

A block of rows is compared at a time, so that 100,000 images take no square of memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from backend.errors import BadRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Floats", "Ints", "checked", "nearest"]

#: Of float32.
Floats: TypeAlias = "NDArray[Any]"
#: Of int64.
Ints: TypeAlias = "NDArray[Any]"

#: Numbers in a block of similarities: 64 MB.
_BLOCK = 16_000_000
#: Lengths may differ from 1 by what float16 loses, and some more.
_TOLERANCE = 0.01


def checked(vectors: Floats, names: Sequence[str]) -> Floats:
    """Give the vectors as float32 of length 1, shape (images, width).

    Raises `BadRequest` with the first name whose vector is no direction: not a number, infinite, or not of length 1.
    """
    import numpy as np

    found = np.asarray(vectors, np.float32)
    if found.ndim != 2 or len(found) != len(names):
        raise BadRequest(
            f"expected a vector for each of {len(names):,} images, got numbers of shape {found.shape}"
        )
    lengths = np.linalg.norm(found, axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= _TOLERANCE))
    if len(wrong):
        first = int(wrong[0])
        if not np.isfinite(found[first]).all():
            kind = "numbers that are none (NaN or infinite)"
        else:
            kind = f"a vector of length {lengths[first]:.3g} where 1 is expected"
        more = f", and {len(wrong) - 1:,} more have such" if len(wrong) > 1 else ""
        raise BadRequest(
            f"the index holds {kind} for {names[first]}{more}: make it anew with `firstpass index`"
        )
    told: Floats = found / lengths[:, None]
    return told


def nearest(vectors: Floats, count: int, *, others: Floats | None = None) -> tuple[Ints, Floats]:
    """Give the nearest of the set for each vector, and how alike they are (cosine), the nearest first.

    Never itself, unless other vectors are given to ask for. `count` is cut to what there is; both arrays have the
    shape (images, count).

    >>> import numpy as np
    >>> found, alike = nearest(np.eye(3, dtype=np.float32), 1)
    >>> found.shape, alike.tolist()
    ((3, 1), [[0.0], [0.0], [0.0]])
    """
    import numpy as np

    asked = vectors if others is None else others
    count = max(0, min(count, len(vectors) - (others is None)))
    places = np.zeros((len(asked), count), np.int64)
    alike = np.zeros((len(asked), count), np.float32)
    if not count:
        return places, alike
    step = max(1, _BLOCK // len(vectors))
    for start in range(0, len(asked), step):
        block = asked[start : start + step] @ vectors.T
        if others is None:
            rows = np.arange(len(block))
            block[rows, rows + start] = -np.inf
        best = np.argpartition(block, -count, axis=1)[:, -count:]
        values = np.take_along_axis(block, best, axis=1)
        # Of equals the one with the lower place comes first: same input, same answer.
        order = np.lexsort((best, -values), axis=1)
        places[start : start + step] = np.take_along_axis(best, order, axis=1)
        alike[start : start + step] = np.take_along_axis(values, order, axis=1)
    return places, alike
