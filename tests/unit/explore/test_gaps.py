"""A label that is missing from a scene is told; one that is rare everywhere is not."""

from __future__ import annotations

import numpy as np
import pytest

from backend.explore.gaps import gaps


def planted(
    missing: tuple[str, str] | None, seed: int = 0
) -> tuple[list[frozenset[str]], list[str]]:
    """Labels and scenes that have nothing to do with each other, but for one pair that is never there."""
    chance = np.random.default_rng(seed)
    scenes = [["day", "night", "rain"][n] for n in chance.integers(3, size=300)]
    labels = []
    for scene in scenes:
        drawn = {label for label in ("car", "bus", "dog") if chance.random() < 0.3}
        drawn |= {"rare"} if chance.random() < 0.01 else set()
        labels.append(frozenset(one for one in drawn if (one, scene) != missing))
    return labels, scenes


def test_a_pair_that_is_missing_is_first() -> None:
    found, looked = gaps(*planted(("bus", "night")))

    assert (found[0].label, found[0].scene, found[0].there) == ("bus", "night", 0)
    assert found[0].chance < 0.001
    assert "none of bus in night" in found[0].reason
    assert looked == 9


def test_nothing_is_told_of_an_even_set() -> None:
    """In at most one of twenty, as the module says; of these ten in none."""
    assert [gaps(*planted(None, seed))[0] for seed in range(10)] == [[]] * 10


def test_images_that_nobody_labelled_do_not_count() -> None:
    labels, scenes = planted(("bus", "night"))
    unknown = [
        None if scene == "night" else each for each, scene in zip(labels, scenes, strict=True)
    ]

    assert gaps(unknown, scenes)[0] == []


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_images_have_no_gaps(count: int) -> None:
    assert gaps([frozenset([str(n)]) for n in range(count)], ["day"] * count) == ([], 0)
