"""Regions cut out for CLIP."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.clip.crops import MOST_SIDE, crop_square, middle
from models.clip.prompts import filled
from models.types import Box


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_crop_is_square_and_holds_the_region(
    width: int, height: int, x: float, y: float, share: float
) -> None:
    box = Box(x * width * 0.9, y * height * 0.9, width * (0.91 + 0.09 * share), float(height))

    crop = crop_square(Image.new("RGB", (width, height)), box)

    assert crop.width == crop.height
    assert crop.width >= max(box.x_max - box.x_min, box.y_max - box.y_min)


def test_a_long_region_is_not_squashed() -> None:
    image = Image.new("RGB", (200, 100), "white")
    image.paste((255, 0, 0), (50, 45, 150, 55))

    crop = np.asarray(crop_square(image, Box(50, 45, 150, 55), growth=0.0))

    red = (crop == (255, 0, 0)).all(-1)
    assert (red.any(0).sum(), red.any(1).sum()) == (100, 10)


def test_a_crop_of_a_panorama_is_small_and_shows_the_same() -> None:
    """A square around all of it would take 1.6 GB."""
    image = Image.new("RGB", (20_000, 200), "white")
    image.paste((255, 0, 0), (5_000, 0, 15_000, 200))

    crop = np.asarray(crop_square(image, Box(0, 0, 20_000, 200), growth=0.0))

    assert crop.shape[0] == crop.shape[1] < 2 * MOST_SIDE
    red = (crop == (255, 0, 0)).all(-1)
    assert red.any(0).sum() / crop.shape[1] == pytest.approx(0.5, abs=0.01)
    assert red.any(1).sum() / crop.shape[0] == pytest.approx(0.01, abs=0.002)
    assert np.flatnonzero(red.any(1)).mean() / crop.shape[0] == pytest.approx(0.5, abs=0.01)


def test_a_region_off_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a box on"):
        crop_square(Image.new("RGB", (10, 10)), Box(50, 50, 60, 60))


def test_only_slivers_are_cut_to_their_middle() -> None:
    assert middle(Image.new("RGB", (20_000, 50)), longest_ratio=2).size == (100, 50)
    assert middle(Image.new("RGB", (50, 70)), longest_ratio=2).size == (50, 70)
    assert middle(Image.new("RGB", (1, 1)), longest_ratio=2).size == (1, 1)


def test_a_candidate_is_filled_in_as_it_stands() -> None:
    assert filled("{0} {", ("a {}.",)) == ("a {0} {.",)
