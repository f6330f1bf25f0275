"""The best threshold of one label from what reviews say of its boxes, and how much of that may be chance.

All thresholds are tried, in steps of 0.005. Images are drawn anew, with replacement, many times; what is
best is best on the mean of all draws. Of those that are as good to within one standard error of the difference, the
one next to what is set is taken: the best of many owes some of its lead to these images, and the next one to it keeps
more of what people set. The interval of a gain holds in 95 of 100 cases for that one, and in 80 for all thresholds at
once. The bench counts how often a threshold that is the best of all moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.evaluation.intervals import MOST_GROUPS, Interval
from backend.tuning.aim import Aim
from backend.tuning.evidence import OnImage

__all__ = ["ChosenCut", "Estimate", "chosen_cut"]

DRAWS = 1000
LEVEL, LEVEL_AT_ONCE = 0.95, 0.8
#: Thresholds that are tried, besides the one that is set: under 200.
CUTS = tuple(round(step / 200, 3) for step in range(1, 200))
#: Differences this small are roundings.
_NOTHING = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A count on the reviewed images, and the range in which it lies in 95 of 100 cases."""

    value: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class ChosenCut:
    """The threshold to be taken. `gain` is in the measure of the aim, F1 or edits an image; precision or recall for a precision.

    `acts`: the interval of the gain excludes "no change". `hidden` and `shown` are the boxes that it would have
    hidden and shown besides, of which so many right; `reached`: the precision is reached at all.
    """

    now: float
    best: float
    f1_now: float
    f1_best: float
    gain: float
    interval: Interval
    acts: bool
    kept: Estimate
    false: Estimate
    hidden: int
    hidden_right: int
    shown: int
    shown_right: int
    reached: bool = True


@dataclass(frozen=True, slots=True)
class _Table:
    """Per image and threshold: right boxes shown, boxes shown; per image: what is there."""

    cuts: Floats
    hits: Floats
    given: Floats
    there: Floats


def chosen_cut(images: Sequence[OnImage], now: float, least: float, aim: Aim) -> ChosenCut:
    """The best threshold of `least` or more for a label of which something is known on these images."""
    table = _table(images, now, least)
    at_now = int(np.argmin(np.abs(table.cuts - now)))
    size = len(table.there)
    chance = np.random.default_rng(0)
    weights = chance.multinomial(size, np.full(size, 1 / size), size=DRAWS).astype(np.float64)
    whole = _measured(np.ones((1, size)), table)
    drawn = _measured(weights, table)
    if aim.precision is None:
        best, gain, interval, acts = _of_all_at_once(whole, drawn, table, at_now, aim)
        reached = True
    else:
        best, gain, interval, acts, reached = _least_precise(
            whole, drawn, table.cuts, at_now, aim.precision
        )
    hits, given = whole.hits[0], whole.given[0]
    low, high = sorted((at_now, best))
    between = (int(given[low] - given[high]), int(hits[low] - hits[high]))
    hidden, shown = (between, (0, 0)) if best > at_now else ((0, 0), between)
    return ChosenCut(
        now=now,
        best=float(table.cuts[best]),
        f1_now=float(whole.f1[0, at_now]),
        f1_best=float(whole.f1[0, best]),
        gain=gain,
        interval=interval,
        acts=acts and best != at_now,
        kept=_estimate(hits[best], drawn.hits[:, best]),
        false=_estimate(given[best] - hits[best], (drawn.given - drawn.hits)[:, best]),
        hidden=hidden[0],
        hidden_right=hidden[1],
        shown=shown[0],
        shown_right=shown[1],
        reached=reached,
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """Sums over images, a row for each draw and a column for each threshold."""

    hits: Floats
    given: Floats
    there: Floats

    @property
    def f1(self) -> Floats:
        boxes = self.given + self.there
        return np.where(boxes > 0, 2 * self.hits / np.maximum(boxes, 1), 1.0)

    @property
    def precision(self) -> Floats:
        return np.where(self.given > 0, self.hits / np.maximum(self.given, 1), 1.0)

    @property
    def recall(self) -> Floats:
        return np.where(self.there > 0, self.hits / np.maximum(self.there, 1), 1.0)

    def best_at(self, aim: Aim, images: int) -> Floats:
        """What is to be as large as can be."""
        if aim.add is None or aim.delete is None:
            return self.f1
        edits = aim.add * (self.there - self.hits) + aim.delete * (self.given - self.hits)
        return -edits / images


def _measured(weights: Floats, table: _Table) -> _Measured:
    return _Measured(
        weights @ table.hits, weights @ table.given, (weights @ table.there)[:, np.newaxis]
    )


def _of_all_at_once(
    whole: _Measured, drawn: _Measured, table: _Table, at_now: int, aim: Aim
) -> tuple[int, float, Interval, bool]:
    """The best on the mean of the draws, and its gain with an interval that holds for every threshold."""
    images = len(table.there)
    values, value = drawn.best_at(aim, images), whole.best_at(aim, images)[0]
    means = values.mean(axis=0)
    top = _nearest(np.flatnonzero(means >= means.max() - _NOTHING), table.cuts, at_now)
    best = _as_good(values, top, table.cuts, at_now)
    gains, gain = values - values[:, [at_now]], value - value[at_now]
    spread = gains.std(axis=0)
    moves = spread > _NOTHING
    if not moves[best]:
        # All images gain alike, or nothing is gained.
        same = float(gain[best])
        return best, same, Interval(same, same), same > _NOTHING
    strays = (gains[:, moves] - gain[moves]) / spread[moves]
    up, down = (
        float(np.quantile(most, (1 + LEVEL_AT_ONCE) / 2))
        for most in (strays.max(axis=1), -strays.min(axis=1))
    )

    def interval(cut: int) -> Interval:
        # A few images alone must not say so: of these many draws have none.
        usual = float(np.quantile(gains[:, cut], (1 - LEVEL) / 2))
        low, high = gain[cut] - up * spread[cut], gain[cut] + down * spread[cut]
        return Interval(min(float(low), usual), float(high))

    # Nor may one next to what is set, whose gain strays less, say what the best one cannot.
    found = interval(best)
    return best, float(gain[best]), found, found.low > 0 and interval(top).low > 0


def _as_good(values: Floats, top: int, cuts: Floats, at_now: int) -> int:
    """From the best one to what is set, the last that is as good to within one standard error of the difference."""
    lead = values[:, [top]] - values
    good = np.flatnonzero(lead.mean(axis=0) <= lead.std(axis=0) + _NOTHING)
    low, high = sorted((top, at_now))
    return _nearest(good[(low <= good) & (good <= high)], cuts, at_now)


def _least_precise(
    whole: _Measured, drawn: _Measured, cuts: Floats, at_now: int, precision: float
) -> tuple[int, float, Interval, bool, bool]:
    """The least threshold from which on the precision is reached; what is gained is precision, or recall."""
    enough = (whole.precision[0] >= precision - _NOTHING) & (whole.given[0] > 0)
    if not enough.any():
        return at_now, 0.0, Interval(0.0, 0.0), False, False
    best = int(np.flatnonzero(enough)[0])
    values, value = (
        (drawn.precision, whole.precision[0]) if best > at_now else (drawn.recall, whole.recall[0])
    )
    gains = values[:, best] - values[:, at_now]
    low, high = np.quantile(gains, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    gain = float(value[best] - value[at_now])
    return best, gain, Interval(float(low), float(high)), bool(low > 0), True


def _nearest(numbers: Iterable[int] | NDArray[np.intp], cuts: Floats, at_now: int) -> int:
    """Of equally good ones the one next to what is set: what makes nothing better changes nothing."""
    return int(min(numbers, key=lambda number: abs(cuts[number] - cuts[at_now])))


def _table(images: Sequence[OnImage], now: float, least: float) -> _Table:
    cuts = np.array(sorted({now, *(cut for cut in CUTS if cut >= least)}))
    groups = _grouped(images)
    hits, given = (np.zeros((len(groups), len(cuts) + 1)) for _ in range(2))
    there = np.zeros(len(groups))
    for number, group in enumerate(groups):
        for one in group:
            there[number] += one.there
            for box in one.boxes:
                passed = int(np.searchsorted(cuts, box.score + _NOTHING, side="right"))
                given[number, passed] += 1
                hits[number, passed] += box.right
    # A box that passes the first n thresholds counts at each of them.
    below = [np.cumsum(each[:, ::-1], axis=1)[:, ::-1][:, 1:] for each in (hits, given)]
    return _Table(cuts, below[0], below[1], there)


def _grouped(images: Sequence[OnImage]) -> list[list[OnImage]]:
    """What belongs to one task, and several of those where there are very many."""
    tasks: dict[int, list[OnImage]] = {}
    for one in images:
        tasks.setdefault(one.task, []).append(one)
    every = list(tasks.values())
    step = -(-len(every) // MOST_GROUPS)
    return [
        [one for group in every[start : start + step] for one in group]
        for start in range(0, len(every), step)
    ]


def _estimate(value: float, draws: Floats) -> Estimate:
    low, high = np.quantile(draws, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Estimate(round(float(value)), round(float(low)), round(float(high)))
