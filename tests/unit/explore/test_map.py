"""Near on the map is what is alike, and the same seed gives the same map."""

from __future__ import annotations

import numpy as np
import pytest

from backend.explore import map as maps
from backend.explore.map import image_map, trustworthiness
from tests.unit.explore.sets import around, directions


def test_neighbours_stay_neighbours() -> None:
    vectors = around(directions(5), [40] * 5)

    places = image_map(vectors)

    assert places.shape == (200, 2)
    assert places.min() >= 0
    assert places.max() <= 1
    assert trustworthiness(vectors, places) > 0.9


def test_the_same_seed_gives_the_same_map() -> None:
    vectors = around(directions(5), [20] * 5)

    assert (image_map(vectors, seed=3) == image_map(vectors, seed=3)).all()


def test_few_images_lie_along_their_main_directions() -> None:
    vectors = around(directions(2), [5, 5])

    places = image_map(vectors)

    assert abs(places[:5, 0].mean() - places[5:, 0].mean()) > 0.5


def test_of_many_the_rest_lies_beside_those_that_were_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(maps, "MOST_POINTS", 100)
    vectors = around(directions(4), [60] * 4)

    places = image_map(vectors)

    assert trustworthiness(vectors, places) > 0.85


@pytest.mark.parametrize("count", [0, 1, 2, 3, 40])
def test_equal_and_few_images_have_places(count: int) -> None:
    places = image_map(np.repeat(directions(1), count, axis=0))

    assert places.shape == (count, 2)
    assert np.isfinite(places).all()


def test_two_images_lie_apart() -> None:
    assert image_map(directions(2))[0].tolist() != image_map(directions(2))[1].tolist()
