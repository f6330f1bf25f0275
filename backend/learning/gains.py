"""Whether a change is better by more than chance, label by label; labels of one tag lend each other strength. Pure.

Of a label with eight reviewed regions its own eight say little. So its gain is drawn towards that of the
tag's other labels, the more the less it knows itself and the more alike they are (empirical Bayes). Where
the others gain nothing, neither does it without strong evidence of its own: what a label shows by itself, to
95 of 100 cases, counts whatever the others do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from backend.learning.evidence import FloatArray

__all__ = ["LEAST_GROUPS", "LEAST_OBSERVED", "LEAST_OF_TAG", "Changes", "Gain", "gains_of"]

#: Fewer things of a label, or different images, tell nothing; nor do fewer of a whole tag.
LEAST_OBSERVED = 5
LEAST_GROUPS = 3
LEAST_OF_TAG = 20
_SURE = 1.2816
#: Of a label by itself; the other is of a label among others.
_SURE_ALONE = 1.96
#: How many things' worth the tag's own spread counts beside that of a label.
_BORROWED = 4

#: Paired changes (after less before, one for each thing), and the group of each.
Changes: TypeAlias = tuple[FloatArray, FloatArray]


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better each thing is on average, from `low` to `high` in 80 of 100 cases (by itself: in 95). `of_tag`: things in all."""

    mean: float
    low: float
    high: float
    observed: int
    groups: int
    of_tag: int

    @property
    def is_enough(self) -> bool:
        """Whether there is enough to tell anything."""
        own = self.observed >= LEAST_OBSERVED and self.groups >= LEAST_GROUPS
        return own and self.of_tag >= LEAST_OF_TAG

    @property
    def is_shown(self) -> bool:
        """Whether it is better, and not only by chance."""
        return self.is_enough and self.low > 0


@dataclass(frozen=True, slots=True)
class _Own:
    """What a label knows itself: mean, its variance, and how many things and groups."""

    mean: float
    variance: float
    observed: int
    groups: int


def gains_of(changes: Mapping[str, Changes]) -> dict[str, Gain]:
    """The gain of each label of a tag.

    >>> groups = np.arange(20)
    >>> found = gains_of({"car": (np.ones(20), groups), "dog": (np.zeros(20), groups)})
    >>> found["car"].is_shown, found["dog"].is_shown
    (True, False)
    """
    totals = {label: _by_group(*own) for label, own in changes.items() if len(own[0])}
    within = [
        ((means - means.mean()) ** 2).sum() / max(1, len(means) - 1) for means in totals.values()
    ]
    spread = float(np.mean(within)) if within else 0.0
    own = {label: _own(means, spread, len(changes[label][0])) for label, means in totals.items()}
    of_tag = sum(one.observed for one in own.values())
    return {
        label: _gain(one, [other for name, other in own.items() if name != label], of_tag)
        for label, one in own.items()
    }


def _by_group(changes: FloatArray, groups: FloatArray) -> FloatArray:
    """The mean change of each group: what shows the same counts once."""
    _, inverse = np.unique(groups, return_inverse=True)
    means: FloatArray = np.bincount(inverse, weights=changes) / np.bincount(inverse)
    return means


def _own(means: FloatArray, spread: float, observed: int) -> _Own:
    around = ((means - means.mean()) ** 2).sum()
    # A few that came out alike say little of their spread; that others came out alike says nothing of these.
    alone = around / max(1, len(means) - 1)
    variance = max(alone, (around + _BORROWED * spread) / (len(means) - 1 + _BORROWED))
    return _Own(float(means.mean()), float(variance) / len(means), observed, len(means))


def _gain(own: _Own, others: list[_Own], of_tag: int) -> Gain:
    mean, variance = own.mean, own.variance
    sure = _SURE_ALONE * variance**0.5
    if len(others) > 1 and variance > 0 and mean - sure <= 0:
        expected, around = _expected(others)
        trust = around / (around + variance)
        mean = trust * own.mean + (1 - trust) * expected
        sure = _SURE * (trust * variance) ** 0.5
    return Gain(
        round(mean, 4),
        round(mean - sure, 4),
        round(mean + sure, 4),
        own.observed,
        own.groups,
        of_tag,
    )


def _expected(others: list[_Own]) -> tuple[float, float]:
    """What the other labels let expect of one more, and the variance of that (Hedges and Olkin).

    Labels count alike in how far they lie apart: one of which hundreds were never changed would else decide alone.
    """
    means = np.array([one.mean for one in others])
    variances = np.array([one.variance for one in others])
    between = max(0.0, float(means.var(ddof=1) - variances.mean()))
    weights = 1 / np.maximum(variances + between, 1e-6)
    expected = float((weights * means).sum() / weights.sum())
    return expected, between + float(1 / weights.sum())
