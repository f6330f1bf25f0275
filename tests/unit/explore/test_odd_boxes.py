"""How unlike others of its label a box is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backend.explore.odd_boxes import oddness


def like(axis: int, count: int, seed: int) -> Any:
    """That many vectors of length 1 near one axis."""
    vectors = np.random.default_rng(seed).normal(0, 0.05, (count, 8)).astype(np.float32)
    vectors[:, axis] += 1
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("count", [5, 40])
def test_the_box_of_another_kind_is_the_oddest_of_its_label(count: int) -> None:
    """Of few boxes and of many, whatever lies near it under another label."""
    cars, stray, dogs = like(0, count, 1), like(1, 1, 2), like(1, count, 3)
    vectors = np.concatenate([cars, stray, dogs])
    labels = ["car"] * (count + 1) + ["dog"] * count

    found = oddness(vectors, labels)

    assert int(np.argmax(found)) == count
    assert found[count] > 1.5 * np.median(found)


def test_what_has_nothing_to_be_compared_with_is_not_odd() -> None:
    vectors = np.concatenate([like(0, 1, 1), np.repeat(like(1, 1, 2), 4, axis=0)])

    assert oddness(vectors, ["alone", *["same"] * 4]).tolist() == [0, 0, 0, 0, 0]
    assert oddness(np.zeros((0, 8), np.float32), []).tolist() == []
