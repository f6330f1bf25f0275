"""Images that are far from all others are found, whether one, three or twelve are alike."""

from __future__ import annotations

import numpy as np
import pytest

from backend.explore.outliers import outlier_scores, outliers
from tests.unit.explore.sets import around, directions


@pytest.mark.parametrize("size", [1, 3, 12])
def test_a_group_is_found_whatever_its_size(size: int) -> None:
    """By the nearest alone twelve that are alike are no outliers at all."""
    vectors = around(directions(4), [100, 100, 100, size])

    found = outliers(vectors)

    assert {one.item for one in found[:size]} == set(range(300, 300 + size))
    assert len({one.group for one in found[:size]}) == 1
    assert {one.kind for one in found[:size]} == {"alone" if size == 1 else "group"}
    assert ("one of 12 that are alike" in found[0].reason) == (size == 12)


def test_two_groups_have_different_numbers() -> None:
    vectors = around(directions(5), [100, 100, 100, 2, 3])

    groups = {one.item: one.group for one in outliers(vectors)}

    assert groups[300] == groups[301] != groups[302] == groups[303] == groups[304]


def test_one_image_among_equal_ones_is_found() -> None:
    vectors = np.concatenate([np.repeat(directions(1), 40, axis=0), directions(2)[1:]])

    assert [one.item for one in outliers(vectors)] == [40]


@pytest.mark.parametrize("count", [0, 1, 2, 11, 40])
def test_equal_images_and_too_few_are_none(count: int) -> None:
    vectors = np.repeat(directions(1), count, axis=0)

    assert not outlier_scores(vectors).any()
    assert outliers(vectors) == []


def test_an_even_set_has_few() -> None:
    assert len(outliers(around(directions(3), [100, 100, 100]))) <= 9
