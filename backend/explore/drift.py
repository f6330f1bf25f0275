"""Whether two sets show the same: how well a simple classifier tells them apart, and where they differ most. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from backend.explore.clusters import clustered
from backend.explore.neighbours import Floats, Ints

__all__ = ["LEAST_IMAGES", "Drift", "DriftCluster", "drift"]

#: Of each set, else nothing is told.
LEAST_IMAGES = 10
#: Of each set at most so many are compared, drawn by chance.
MOST_IMAGES = 5_000
FOLDS = 5
_DRAWS = 500
#: Weight of the data against simplicity, as in `learn`: weak, since there may be more numbers than images.
_WEIGHT = 1.0
#: A cluster differs when its shares do by so many standard errors.
_LEAST_Z = 3.0


@dataclass(frozen=True, slots=True)
class DriftCluster:
    """Images that look alike, and their shares of either set. `items` of the first, `others` of the second set."""

    share: float
    other_share: float
    items: tuple[int, ...]
    others: tuple[int, ...]
    z: float

    @property
    def reason(self) -> str:
        return f"{100 * self.share:.0f} % of this set, {100 * self.other_share:.0f} % of the other"


@dataclass(frozen=True, slots=True)
class Drift:
    """The AUROC of telling the sets apart, with its 95 % interval: 0.5 is as good as guessing, 1 always right."""

    auroc: float
    low: float
    high: float
    images: int
    others: int
    clusters: tuple[DriftCluster, ...]

    @property
    def is_told_apart(self) -> bool:
        return self.low > 0.5

    @property
    def reason(self) -> str:
        if not self.is_told_apart:
            return "the sets cannot be told apart by what their images look like"
        how = "easily" if self.auroc >= 0.9 else "often" if self.auroc >= 0.7 else "somewhat"
        return f"the sets are {how} told apart by what their images look like"


def drift(
    vectors: Floats,
    others: Floats,
    groups: Ints | None = None,
    other_groups: Ints | None = None,
    *,
    seed: int = 0,
) -> Drift | None:
    """Compare two sets of vectors of one model; `None` where either has under 10 images.

    `groups` number the copies within and across sets: those of one number are kept in one fold, since a copy that
    was learned tells nothing.
    """
    import numpy as np

    if min(len(vectors), len(others)) < LEAST_IMAGES:
        return None
    chance = np.random.default_rng(seed)
    first, second = (
        np.sort(chance.permutation(len(each))[:MOST_IMAGES]) for each in (vectors, others)
    )
    rows = np.concatenate([vectors[first], others[second]])
    is_other = np.r_[np.zeros(len(first), bool), np.ones(len(second), bool)]
    if groups is None or other_groups is None:
        numbers = np.arange(len(rows))
    else:
        numbers = np.concatenate([groups[first], other_groups[second]])
    scores = _held_out(rows, is_other, numbers, seed)
    found = _auroc(scores, is_other)
    low, high = _interval(scores, is_other, numbers, seed)
    return Drift(
        round(found, 3), round(low, 3), round(high, 3), len(vectors), len(others),
        tuple(_clusters(rows, is_other, first, second, seed)),
    )  # fmt: skip


def _held_out(rows: Floats, is_other: Ints, numbers: Ints, seed: int) -> Floats:
    """How much each image looks like the second set, by what was learned of images that are no copies of it.

    As ranks within its fold: folds are learned apart, so their scores have no common scale.
    """
    import numpy as np
    from scipy.stats import rankdata
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    found = np.full(len(rows), np.nan)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for learned, held in folds.split(rows, is_other, numbers):
        sides = is_other[learned]
        if not len(held) or sides.all() or not sides.any():
            continue
        middle = rows[learned].mean(axis=0)
        engine = LogisticRegression(C=_WEIGHT, max_iter=2000, class_weight="balanced")
        engine.fit(rows[learned] - middle, sides)
        told = engine.decision_function(rows[held] - middle)
        found[held] = (rankdata(told) - 0.5) / len(held)
    return np.where(np.isnan(found), 0.5, found)


def _auroc(scores: Floats, is_other: Ints) -> float:
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    second = int(is_other.sum())
    first = len(scores) - second
    return float((ranks[is_other].sum() - second * (second + 1) / 2) / (first * second))


def _interval(scores: Floats, is_other: Ints, numbers: Ints, seed: int) -> tuple[float, float]:
    """Groups of copies drawn anew, with replacement."""
    import numpy as np

    chance = np.random.default_rng(seed)
    _, places = np.unique(numbers, return_inverse=True)
    count = int(places.max()) + 1
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(count + 1))
    sizes = np.diff(starts)
    found = []
    for _ in range(_DRAWS):
        drawn = chance.integers(count, size=count)
        lengths = sizes[drawn]
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        chosen = order[np.repeat(starts[drawn], lengths) + offsets]
        sides = is_other[chosen]
        if sides.any() and not sides.all():
            found.append(_auroc(scores[chosen], sides))
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def _clusters(
    rows: Floats, is_other: Ints, first: Ints, second: Ints, seed: int
) -> list[DriftCluster]:
    """Those whose shares differ more than chance makes them, the most first."""
    import numpy as np

    found = []
    totals = (int((~is_other).sum()), int(is_other.sum()))
    for one in clustered(rows, seed=seed).found:
        items = np.array(one.items)
        mine, theirs = items[~is_other[items]], items[is_other[items]]
        share, other_share = len(mine) / totals[0], len(theirs) / totals[1]
        pooled = len(items) / len(rows)
        error = (pooled * (1 - pooled) * (1 / totals[0] + 1 / totals[1])) ** 0.5
        z = (share - other_share) / error if error else 0.0
        if abs(z) >= _LEAST_Z:
            places = tuple(int(first[place]) for place in mine[:12])
            other_places = tuple(int(second[place - totals[0]]) for place in theirs[:12])
            found.append(
                DriftCluster(
                    round(share, 4), round(other_share, 4), places, other_places, round(z, 1)
                )
            )
    return sorted(found, key=lambda one: -abs(one.z))
