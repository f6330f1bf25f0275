"""How much a figure may owe to chance: images drawn anew, with replacement, many times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.measures import Counts

__all__ = ["Interval", "f1_difference", "f1_interval"]

DRAWS = 2000
#: Images that are counted together when there are more: memory stays flat, and that many groups suffice.
MOST_GROUPS = 2000


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high` in 95 of 100 cases."""

    low: float
    high: float


def f1_interval(images: Sequence[Counts]) -> Interval | None:
    """The 95 % interval of the F1 of all images together.

    `None` of fewer than two, and where all came out alike: they then do not tell what chance does.

    >>> f1_interval([Counts(1, 1, 1)] * 10) is None
    True
    """
    found = _interval([images])
    return None if found is None or found.low == found.high else found


def f1_difference(images: Sequence[Counts], others: Sequence[Counts]) -> Interval | None:
    """The 95 % interval of how much better the F1 of `images` is than of `others`, on the same images."""
    return _interval([images, others])


def _interval(sets: Sequence[Sequence[Counts]]) -> Interval | None:
    """Of the first one's F1, less the second one's where there are two."""
    import numpy as np

    if len(sets[0]) < 2:
        return None
    tables = [
        np.array([[one.hits, one.given + one.there] for one in _grouped(some)], dtype=np.float64)
        for some in sets
    ]
    chance = np.random.default_rng(0)
    size = len(tables[0])
    draws = np.stack(
        [np.bincount(chance.integers(size, size=size), minlength=size) for _ in range(DRAWS)]
    )
    f1s = []
    for table in tables:
        hits, boxes = (draws @ table).T
        f1s.append(np.where(boxes > 0, 2 * hits / np.maximum(boxes, 1), 1.0))
    drawn = f1s[0] - f1s[1] if len(f1s) > 1 else f1s[0]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(round(float(low), 4), round(float(high), 4))


def _grouped(images: Sequence[Counts]) -> list[Counts]:
    step = -(-len(images) // MOST_GROUPS)
    return [sum(images[start : start + step], Counts()) for start in range(0, len(images), step)]
