"""Groups of images that look alike, found by k-means over their vectors, the same each time for a seed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from backend.explore.neighbours import Floats, Ints

__all__ = ["Cluster", "Clusters", "clustered"]

MOST_CLUSTERS = 200
#: Beyond so many images k-means goes by batches.
MANY = 50_000
#: How well clusters stand apart is told by so many images: a square of them is compared.
SILHOUETTE_OF = 3_000


@dataclass(frozen=True, slots=True)
class Cluster:
    """Images by place, those nearest to the middle first.

    `label`: the commonest label of them, and `purity` its share among those that have labels; `None` without any.
    """

    items: tuple[int, ...]
    label: str = ""
    purity: float | None = None


@dataclass(frozen=True, slots=True)
class Clusters:
    """The clusters, the largest first; `of` has the number of each image's cluster, `middles` their mean vectors.

    `silhouette`: from -1 to 1 how much nearer images are to their own cluster than to the next; `None` of one.
    """

    found: tuple[Cluster, ...]
    of: Ints
    middles: Floats
    silhouette: float | None


def clustered(
    vectors: Floats, labels: Sequence[frozenset[str] | None] = (), *, seed: int = 0, count: int = 0
) -> Clusters:
    """Give about the square root of half of the images as clusters, or `count` of them."""
    import numpy as np

    images = len(vectors)
    distinct = len(np.unique(np.round(vectors, 4), axis=0)) if images else 0
    wanted = count or round((images / 2) ** 0.5)
    number = max(1, min(wanted, MOST_CLUSTERS, distinct))
    numbers = _assigned(vectors, number, seed) if images else np.zeros(0, np.int64)
    sizes = np.bincount(numbers, minlength=number)
    # The largest first, of equal ones that of the first image: so that numbers mean the same each time.
    first = [int(np.argmax(numbers == one)) if sizes[one] else images for one in range(number)]
    order = [one for one in np.lexsort((np.array(first), -sizes)) if sizes[one]]
    ranks = np.zeros(number, np.int64)
    ranks[order] = np.arange(len(order))
    of = ranks[numbers]
    middles = (
        np.stack([vectors[of == one].mean(axis=0) for one in range(len(order))])
        if images
        else vectors
    )
    found = tuple(_cluster(one, of, vectors, middles, labels) for one in range(len(order)))
    return Clusters(found, of, middles, _silhouette(vectors, of, seed))


def _assigned(vectors: Floats, number: int, seed: int) -> Ints:
    import numpy as np
    from sklearn.cluster import KMeans, MiniBatchKMeans

    if number == 1:
        return np.zeros(len(vectors), np.int64)
    if len(vectors) > MANY:
        engine = MiniBatchKMeans(number, random_state=seed, n_init=3, batch_size=4096)
    else:
        engine = KMeans(number, random_state=seed, n_init=4)
    found: Ints = engine.fit_predict(vectors).astype(np.int64)
    return found


def _cluster(
    number: int,
    of: Ints,
    vectors: Floats,
    middles: Floats,
    labels: Sequence[frozenset[str] | None],
) -> Cluster:
    import numpy as np

    items = np.flatnonzero(of == number)
    near = vectors[items] @ middles[number]
    ordered = tuple(int(item) for item in items[np.lexsort((items, -near))])
    labelled = [labels[item] for item in ordered] if labels else []
    known = [each for each in labelled if each is not None]
    counts = Counter(label for each in known for label in sorted(each))
    if not counts:
        return Cluster(ordered)
    label, times = counts.most_common(1)[0]
    return Cluster(ordered, label, round(times / len(known), 4))


def _silhouette(vectors: Floats, of: Ints, seed: int) -> float | None:
    import numpy as np
    from sklearn.metrics import silhouette_score

    chosen = np.random.default_rng(seed).permutation(len(vectors))[:SILHOUETTE_OF]
    numbers = of[chosen]
    if not 1 < len(np.unique(numbers)) < len(chosen):
        return None
    return round(float(silhouette_score(vectors[chosen], numbers, metric="cosine")), 3)
