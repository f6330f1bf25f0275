"""Images that are far from all others, each by itself or as a small group of like ones. Pure.

The distance to the five nearest finds one that stands alone; a group of twelve has its nearest within itself, so
the distance to the 20th is asked, too, and the larger of both counts, each beside what is usual in the set.
"""

from __future__ import annotations

from backend.explore.neighbours import Floats, Ints, nearest
from backend.explore.ranked import Ranked

__all__ = ["LEAST_IMAGES", "outlier_scores", "outliers"]

#: Fewer images have no usual distance.
LEAST_IMAGES = 12
NEAR, FAR = 5, 20
#: The limit is the third quartile and so many times the distance between the quartiles.
SPREADS = 1.7
#: Where most images are copies, usual is no distance at all, and one unlike them is still one.
_LEAST_USUAL = 0.02
#: Floating numbers make equal vectors differ by so much.
_NO_DISTANCE = 1e-6


def outlier_scores(vectors: Floats) -> Floats:
    """Give how many times as far as usual each image is from others, float64; 1 is usual.

    All zeros where there are under 12 images, or where all are equal.
    """
    import numpy as np

    count = len(vectors)
    if count < LEAST_IMAGES:
        return np.zeros(count)
    own = vectors - vectors.mean(axis=0)
    lengths = np.linalg.norm(own, axis=1, keepdims=True)
    if lengths.max() < _NO_DISTANCE:
        return np.zeros(count)
    own = own / np.maximum(lengths, _NO_DISTANCE)
    _, alike = nearest(own.astype(np.float32), min(FAR, count - 1))
    apart = np.maximum(0.0, 1.0 - alike.astype(np.float64))
    near, far = apart[:, :NEAR].mean(axis=1), apart[:, -1]
    return np.maximum(_beside_usual(near), _beside_usual(far))


def outliers(vectors: Floats) -> list[Ranked]:
    """Give the images beyond the limit, the farthest first, with the group that each belongs to."""
    import numpy as np

    scores = outlier_scores(vectors)
    if not scores.any():
        return []
    low, high = np.quantile(scores, (0.25, 0.75))
    limit = float(high + SPREADS * (high - low))
    found = np.flatnonzero((scores > limit) & (scores > 1))
    if not len(found):
        return []
    groups = _groups(vectors, found)
    sizes = np.bincount(groups)
    told = [
        Ranked(
            item=int(item),
            score=round(float(scores[item]), 3),
            kind="alone" if sizes[group] == 1 else "group",
            reason=_reason(float(scores[item]), int(sizes[group])),
            group=int(group),
        )
        for item, group in zip(found, groups, strict=True)
    ]
    return sorted(told, key=lambda one: (-one.score, one.item))


def _reason(score: float, size: int) -> str:
    far = f"{score:.1f} times as far from others as is usual here"
    return far if size == 1 else f"one of {size} that are alike, {far}"


def _beside_usual(distances: Floats) -> Floats:
    import numpy as np

    return distances / max(float(np.median(distances)), _LEAST_USUAL)


def _groups(vectors: Floats, found: Ints) -> Ints:
    """The group of each found image: those that are nearer to each other than to all the rest.

    Numbers begin at 0 with the group of the first image.
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if len(found) == 1:
        return np.zeros(1, np.int64)
    outside = np.setdiff1d(np.arange(len(vectors)), found)
    rest = nearest(vectors[outside], 1, others=vectors[found])[1][:, 0]
    places, alike = nearest(vectors[found], min(NEAR, len(found) - 1))
    rows = np.repeat(np.arange(len(found)), places.shape[1])
    held = alike.ravel() > rest[rows]
    links = coo_array(
        (np.ones(held.sum()), (rows[held], places.ravel()[held])), shape=(len(found),) * 2
    )
    numbers = connected_components(links, directed=False)[1]
    # Renumbered by the first image of each, so that the same input gives the same numbers.
    _, first = np.unique(numbers, return_index=True)
    ranks = np.empty(len(first), np.int64)
    ranks[np.argsort(first)] = np.arange(len(first))
    told: Ints = ranks[numbers]
    return told
