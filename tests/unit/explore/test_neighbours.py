"""The nearest by vectors are exact, the same each time, and only vectors are compared."""

from __future__ import annotations

import numpy as np
import pytest

from backend.errors import BadRequest
from backend.explore import neighbours
from backend.explore.neighbours import checked, nearest
from tests.unit.explore.sets import around, directions


def test_the_nearest_are_those_of_a_whole_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they are compared block by block."""
    vectors = around(directions(4), [20, 20, 20, 7])
    monkeypatch.setattr(neighbours, "_BLOCK", 300)

    places, alike = nearest(vectors, 5)

    table = vectors @ vectors.T
    np.fill_diagonal(table, -np.inf)
    assert (places == np.argsort(-table, axis=1, kind="stable")[:, :5]).all()
    assert np.allclose(alike, -np.sort(-table, axis=1)[:, :5])


def test_other_vectors_may_be_asked_for() -> None:
    """Then an equal one is an answer."""
    vectors = directions(6)

    places, alike = nearest(vectors, 2, others=vectors[3:4])

    assert places[0, 0] == 3
    assert alike[0, 0] == pytest.approx(1)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_images_have_fewer_neighbours(count: int) -> None:
    places, _ = nearest(directions(4)[:count], 5)

    assert places.shape == (count, max(0, count - 1))


def test_vectors_are_taken_as_float16_keeps_them() -> None:
    vectors = around(directions(2), [5, 5])

    found = checked(vectors.astype(np.float16), [f"{n}.png" for n in range(10)])

    assert found.dtype == np.float32
    assert np.abs(found - vectors).max() < 1e-3


@pytest.mark.parametrize(("value", "words"), [(np.nan, "NaN"), (np.inf, "NaN"), (0.0, "length 0")])
def test_what_is_no_vector_is_refused_by_name(value: float, words: str) -> None:
    vectors = directions(3)
    vectors[1] = value

    with pytest.raises(BadRequest, match=f"{words}.*b.png.*firstpass index"):
        checked(vectors, ["a.png", "b.png", "c.png"])


def test_a_vector_for_each_image_is_asked_for() -> None:
    with pytest.raises(BadRequest, match="each of 2 images"):
        checked(directions(3), ["a.png", "b.png"])
