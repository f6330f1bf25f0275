"""Images that look alike come into one cluster, under a name that sets it apart; the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from backend.explore.clusters import clustered
from backend.explore.names import ClusterName, names_by_labels, names_by_words
from tests.unit.explore.sets import around, directions, unit

LABELS = [frozenset(["cat"])] * 30 + [frozenset(["dog"])] * 20 + [None] * 10


def test_groups_are_found_the_largest_first() -> None:
    vectors = around(directions(3), [30, 20, 10])

    found = clustered(vectors, count=3)

    assert [len(one.items) for one in found.found] == [30, 20, 10]
    assert found.of.tolist() == [0] * 30 + [1] * 20 + [2] * 10
    assert found.silhouette is not None
    assert found.silhouette > 0.5


def test_about_the_root_of_half_of_the_images() -> None:
    vectors = unit(np.random.default_rng(0).standard_normal((200, 32)))

    assert len(clustered(vectors).found) == 10


def test_the_same_seed_gives_the_same_clusters() -> None:
    vectors = unit(np.random.default_rng(0).standard_normal((200, 32)))

    first, again, other = (clustered(vectors, seed=seed) for seed in (3, 3, 4))

    assert first.found == again.found
    assert first.found != other.found


def test_purity_is_of_those_that_have_labels() -> None:
    found = clustered(around(directions(3), [30, 20, 10]), LABELS, count=3).found

    assert [(one.label, one.purity) for one in found] == [("cat", 1), ("dog", 1), ("", None)]


@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_equal_and_few_images_are_one_cluster_at_most(count: int) -> None:
    found = clustered(np.repeat(directions(1), count, axis=0))

    assert [len(one.items) for one in found.found] == [count] * bool(count)
    assert found.silhouette is None


def test_names_are_those_that_set_a_cluster_apart() -> None:
    """A word that fits every image is a name of none."""
    things = directions(6)
    common, offset = things[5], things[4]
    vectors = unit(around(things[:3], [40, 30, 20]) + 2 * common)
    found = clustered(vectors, count=3)
    words = ["cat", "dog", "bird", "picture"]
    texts = unit(np.concatenate([things[:3], common[None]]) + 3 * offset)

    names = names_by_words(found.middles, vectors, words, texts)

    assert [name.text for name in names] == ["cat", "dog", "bird"]
    assert all(name.is_sure for name in names)


def test_a_name_that_leads_by_little_is_told_with_the_next() -> None:
    assert ClusterName(("night", "dark"), (0.6, 0.58), 0.02).text == "night or dark"


def test_without_words_there_are_no_names() -> None:
    found = clustered(directions(4))

    assert names_by_words(found.middles, directions(4), [], directions(0)) == []


def test_labels_name_what_they_set_apart() -> None:
    labels = [frozenset(["road", "car"])] * 30 + [frozenset(["road", "boat"])] * 20 + [None] * 10
    found = clustered(around(directions(3), [30, 20, 10]), count=3).found

    names = names_by_labels(found, labels)

    assert [name[:1] for name in names] == [("car",), ("boat",), ()]
