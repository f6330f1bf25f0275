"""Copies are told from pictures that are alike by laying them over each other."""

from __future__ import annotations

import pytest
from PIL import Image

from backend.explore.alignment import LEAST_LIKENESS, likeness, small
from tests.unit.explore.pictures import COPIES, scene, with_one_thing_more


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_known(kind: str) -> None:
    for seed in range(8):
        found = likeness(small(scene(seed)), small(COPIES[kind](scene(seed))))

        assert found.is_copy, (seed, found)
        assert found.mirrored == (kind == "mirrored"), (seed, found)


def test_different_scenes_are_no_copies() -> None:
    pictures = [small(scene(seed)) for seed in range(8)]

    scores = [likeness(a, b).score for n, a in enumerate(pictures) for b in pictures[:n]]

    assert max(scores) < LEAST_LIKENESS


def test_one_thing_more_makes_another_picture() -> None:
    """Frames of one camera are not copies when something is in one of them only."""
    assert not likeness(small(scene(1)), small(with_one_thing_more(scene(1)))).is_copy


def test_pictures_of_one_colour_are_compared_by_it() -> None:
    grey, same, black = (small(Image.new("RGB", (90, 60), (value,) * 3)) for value in (128, 128, 0))

    assert likeness(grey, same).is_copy
    assert not likeness(grey, black).is_copy
    assert not likeness(grey, small(scene(0))).is_copy
