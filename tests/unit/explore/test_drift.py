"""Two sets are told apart where they differ, by no copies, and not where they do not."""

from __future__ import annotations

import numpy as np
import pytest

from backend.explore.drift import drift
from tests.unit.explore.sets import around, directions, unit


def cloud(count: int, seed: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((count, 32)))


def test_sets_of_one_kind_are_not_told_apart() -> None:
    found = drift(cloud(600, 1), cloud(600, 2))

    assert found is not None
    assert found.auroc == pytest.approx(0.5, abs=0.05)
    assert not found.is_told_apart
    assert found.clusters == ()
    assert "cannot be told apart" in found.reason


def test_sets_that_differ_are_and_where() -> None:
    found = drift(around(directions(3), [60, 40, 0]), around(directions(3), [60, 0, 40]))

    assert found is not None
    assert found.auroc >= 0.65
    assert found.is_told_apart
    first, second = found.clusters[0], found.clusters[1]
    assert {first.share, second.share} & {0.0}
    items = {place for one in (first, second) for place in one.items}
    assert items <= set(range(60, 100))
    assert "% of this set" in first.reason


def test_copies_do_not_make_a_difference() -> None:
    """One scene filmed from here and one from there: without the groups every frame is known by its neighbours."""
    base = cloud(24, 5)
    frames = np.repeat(base, 12, axis=0) + np.random.default_rng(1).normal(0, 0.01, (288, 32))
    vectors, groups = unit(frames), np.repeat(np.arange(24), 12)
    one, other = vectors[:144], vectors[144:]

    blind = drift(one, other)
    knowing = drift(one, other, groups[:144], groups[144:])

    assert blind is not None
    assert knowing is not None
    assert blind.auroc > 0.95
    assert knowing.auroc < 0.75
    assert knowing.high - knowing.low > blind.high - blind.low


def test_the_same_seed_gives_the_same_answer() -> None:
    assert drift(cloud(50, 1), cloud(50, 2)) == drift(cloud(50, 1), cloud(50, 2))


@pytest.mark.parametrize("count", [0, 1, 9])
def test_too_few_images_tell_nothing(count: int) -> None:
    assert drift(cloud(20, 1), cloud(20, 2)[:count]) is None


def test_equal_images_are_no_drift() -> None:
    same = np.repeat(directions(1), 30, axis=0)

    found = drift(same, same)

    assert found is not None
    assert found.auroc == 0.5
