"""Boxes that look unlike others of their label, so that a page can show the oddest first. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from backend.explore.neighbours import Floats
from backend.explore.outliers import LEAST_IMAGES, outlier_scores

__all__ = ["oddness"]


def oddness(vectors: Floats, labels: Sequence[str]) -> Floats:
    """Give how many times as far as usual each box is from others of its label, float64; 1 is usual.

    Of a label with few boxes it is the distance from the others' mean beside the label's median. 0 for the only box
    of a label, and where all are equal.
    """
    import numpy as np

    found = np.zeros(len(labels))
    kinds = np.asarray(labels, dtype=object)
    for label in sorted(set(labels)):
        own = np.flatnonzero(kinds == label)
        if len(own) >= LEAST_IMAGES:
            found[own] = outlier_scores(vectors[own])
        elif len(own) > 2:
            found[own] = _few(vectors[own])
    return found


def _few(vectors: Floats) -> Floats:
    import numpy as np

    others = (vectors.sum(axis=0) - vectors) / (len(vectors) - 1)
    apart = np.linalg.norm(vectors - others, axis=1).astype(np.float64)
    usual = float(np.median(apart))
    told: Floats = apart / usual if usual > 1e-6 else np.zeros(len(vectors))
    return told
