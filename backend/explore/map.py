"""A map of images: near on it is what looks alike; the same picture for the same seed. Pure.

What is far apart on it may still be alike, and how large an island is says nothing: nothing is computed from it.
"""

from __future__ import annotations

from backend.explore.neighbours import Floats, nearest

__all__ = ["image_map", "trustworthiness"]

#: Fewer points are laid out by their two main directions.
LEAST_POINTS = 30
#: More are laid out around so many that were drawn by chance.
MOST_POINTS = 50_000
WIDTH = 50
PERPLEXITY = 30
#: Steps of pulling together, then of spreading out.
EARLY_STEPS, STEPS = 250, 300
_LANDMARKS = 4


def image_map(vectors: Floats, *, seed: int = 0, threads: int = 1) -> Floats:
    """Give a place of each image in 0..1 across and down, float64, shape (images, 2)."""
    import numpy as np

    count = len(vectors)
    if count < 2:
        return np.full((count, 2), 0.5)
    flat = _main_directions(vectors, min(WIDTH, count - 1, vectors.shape[1]))
    if count < LEAST_POINTS or np.ptp(flat, axis=0).max() < 1e-4:
        return _to_frame(flat[:, :2])
    if count <= MOST_POINTS:
        return _to_frame(_laid_out(flat, seed, threads))
    chosen = np.sort(np.random.default_rng(seed).permutation(count)[:MOST_POINTS])
    places = np.zeros((count, 2))
    places[chosen] = _laid_out(flat[chosen], seed, threads)
    rest = np.setdiff1d(np.arange(count), chosen)
    near, alike = nearest(vectors[chosen], _LANDMARKS, others=vectors[rest])
    weights = 1 / np.maximum(1.0 - alike.astype(np.float64), 1e-4)
    weights /= weights.sum(axis=1, keepdims=True)
    places[rest] = (places[chosen][near] * weights[:, :, None]).sum(axis=1)
    return _to_frame(places)


def trustworthiness(
    vectors: Floats, places: Floats, neighbours: int = 15, most: int = 1_000
) -> float:
    """Give how far neighbours on the map are neighbours by vectors too, 0..1 (Venna and Kaski, 2001).

    Of `most` images drawn by chance, each against all.
    """
    import numpy as np

    count = len(vectors)
    if count <= 2 * neighbours:
        return 1.0
    chosen = np.random.default_rng(0).permutation(count)[:most]
    beyond = 0
    for own in chosen:
        apart = ((places - places[own]) ** 2).sum(axis=1)
        apart[own] = np.inf
        near = np.argpartition(apart, neighbours)[:neighbours]
        alike = vectors @ vectors[own]
        alike[own] = -np.inf
        ranks = (alike[None] > alike[near, None]).sum(axis=1) + 1
        beyond += int(np.maximum(0, ranks - neighbours).sum())
    worst = len(chosen) * neighbours * (2 * count - 3 * neighbours - 1) / 2
    return 1 - beyond / worst


def _laid_out(flat: Floats, seed: int, threads: int) -> Floats:
    """By t-SNE, from the main directions."""
    import numpy as np
    from openTSNE import TSNE

    perplexity = min(PERPLEXITY, (len(flat) - 1) // 3)
    engine = TSNE(
        perplexity=perplexity,
        initialization="pca",
        early_exaggeration_iter=EARLY_STEPS,
        n_iter=STEPS,
        random_state=seed,
        n_jobs=threads,
    )
    return np.asarray(engine.fit(flat), np.float64)


def _main_directions(vectors: Floats, width: int) -> Floats:
    """The vectors along the directions in which they differ most; which side is which is fixed."""
    import numpy as np

    rest = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    if width < 1:
        return np.zeros((len(rest), 2))
    _, directions = np.linalg.eigh(rest.T @ rest)
    directions = directions[:, ::-1][:, : max(width, 2)]
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])])
    found: Floats = rest @ (directions * signs)
    return found


def _to_frame(places: Floats) -> Floats:
    import numpy as np

    low, high = places.min(axis=0), places.max(axis=0)
    span = float((high - low).max())
    if span < 1e-9:
        return np.full(places.shape, 0.5)
    # Both ways by the same factor: a map that is stretched shows neighbours where there are none.
    found: Floats = np.round(0.5 + (places - (low + high) / 2) / span * 0.98, 5)
    return found
