"""Intervals: as wide as chance is, and paired where the images are the same."""

from __future__ import annotations

import random

import pytest

from backend.evaluation import intervals
from backend.evaluation.intervals import f1_difference, f1_interval
from models.measures import Counts


def images(count: int, right: float, seed: int = 1) -> list[Counts]:
    """Images of one box each, found or not."""
    chance = random.Random(seed)
    return [Counts(int(chance.random() < right), 1, 1) for _ in range(count)]


def test_more_images_leave_less_to_chance() -> None:
    few, many = f1_interval(images(20, 0.7)), f1_interval(images(2000, 0.7))

    assert few is not None
    assert many is not None
    assert few.high - few.low > 4 * (many.high - many.low)
    # Of 2000 boxes 1.96 times the deviation of their mean, on either side.
    assert many.high - many.low == pytest.approx(2 * 1.96 * (0.21 / 2000) ** 0.5, rel=0.15)


def test_one_image_tells_nothing_and_neither_do_images_that_came_out_alike() -> None:
    """All right is not right with certainty."""
    assert f1_interval(images(1, 0.5)) is None
    assert f1_interval(images(20, 1.0)) is None


def test_a_way_that_is_better_on_each_image_is_better_by_more_than_chance() -> None:
    """Although both intervals alone overlap by far."""
    worse = [Counts(number % 5, 6, 5) for number in range(30)]
    better = [one + Counts(1, 0, 0) for one in worse]

    difference = f1_difference(better, worse)
    alone, other = f1_interval(better), f1_interval(worse)

    assert difference is not None
    assert alone is not None
    assert other is not None
    assert difference.low > 0
    assert alone.low < other.high


def test_the_same_is_no_difference_and_luck_is_within_it() -> None:
    some = images(30, 0.7)
    assert f1_difference(some, some) == intervals.Interval(0.0, 0.0)

    luck = f1_difference(images(20, 0.7, seed=2), images(20, 0.7, seed=3))
    assert luck is not None
    assert luck.low < 0 < luck.high


def test_memory_stays_flat_for_many_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "MOST_GROUPS", 100)

    many = f1_interval(images(2050, 0.7))

    assert many is not None
    assert many.low < 0.7 < many.high
