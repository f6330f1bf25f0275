"""Groups of copies hold only pairs that were compared, and say what speaks for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from backend.explore import copies
from backend.explore.alignment import Likeness, small
from backend.explore.copies import Copies, ImageFacts, find_copies
from backend.explore.copy_candidates import Signs, candidates, layouts
from tests.unit.explore.pictures import COPIES, scene
from tests.unit.explore.sets import WIDTH, around, directions, unit


def looked_at(images: Sequence[Image.Image], facts: Sequence[ImageFacts] | None = None) -> Copies:
    pictures = [small(image) for image in images]
    signs = Signs(None, None, None, *layouts(pictures))
    return find_copies(facts or [ImageFacts()] * len(images), signs, pictures.__getitem__)


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found_without_any_vector(kind: str) -> None:
    images = [scene(seed) for seed in range(12)]

    found = looked_at([*images, COPIES[kind](images[4])])

    assert [group.items for group in found.groups] == [(4, 12)]
    (pair,) = found.groups[0].pairs
    assert pair.kind == ("mirrored" if kind == "mirrored" else "near")
    assert "alike" in pair.evidence[0]


def test_equal_images_are_one_group_however_many_they_are() -> None:
    """Each is compared with nothing: their bytes say it."""
    facts = [ImageFacts(content="a")] * 500
    picture = small(scene(0))

    found = find_copies(
        facts, Signs(vectors=np.repeat(directions(1), 500, axis=0)), lambda n: picture
    )

    assert [len(group.items) for group in found.groups] == [500]
    assert found.compared == 0
    assert {pair.evidence for pair in found.groups[0].pairs} == {("equal bytes",)}


def test_equal_pixels_count_where_bytes_differ() -> None:
    facts = [ImageFacts("a", "x"), ImageFacts("b", "x"), ImageFacts("c", "y")]

    found = looked_at([scene(0), scene(0), scene(1)], facts)

    assert [pair.kind for group in found.groups for pair in group.pairs] == ["pixels"]


def test_conflicting_labels_come_first_and_leaks_next() -> None:
    images = [scene(n // 2) for n in range(6)]
    facts = [
        ImageFacts("a", labels=frozenset(["car"])), ImageFacts("a", labels=frozenset(["car"])),
        ImageFacts("b", split="train"), ImageFacts("b", split="val"),
        ImageFacts("c", labels=frozenset(["car"])), ImageFacts("c", labels=frozenset()),
    ]  # fmt: skip

    found = looked_at(images, facts).groups

    assert [(group.items, group.conflict, group.leak) for group in found] == [
        ((4, 5), True, False),
        ((2, 3), False, True),
        ((0, 1), False, False),
    ]
    assert found[0].reason.startswith("labelled differently: car / nothing")
    assert found[1].reason.startswith("in train and val at once")


def test_a_chain_is_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """0 is a copy of 1 and 1 of 2, but 0 is none of 2."""
    likes = {(0, 1): 0.99, (1, 2): 0.98, (0, 2): 0.5}
    monkeypatch.setattr(copies, "likeness", lambda one, other: Likeness(likes[one, other]))
    others = unit(np.random.default_rng(0).standard_normal((40, WIDTH)))
    vectors = np.concatenate([around(directions(1), [3], spread=0.01), others])

    found = find_copies(
        [ImageFacts()] * 43,
        Signs(vectors),
        lambda place: place if place < 3 else None,  # type: ignore[arg-type, return-value]
    )

    (group,) = found.groups
    assert group.items in ((0, 1), (1, 2))
    assert [(pair.one, pair.other) for pair in group.pairs] == [group.items]


def test_hashes_propose_also_what_is_mirrored() -> None:
    hashes = np.array([0, 2**64 - 1, 0b111, 2**63], np.uint64)
    mirrored = np.array([2**64 - 1, 1, 2**40 - 1, 2**50 - 1], np.uint64)

    found = {(one.one, one.other): one for one in candidates(Signs(None, hashes, mirrored))}

    assert found[0, 2].bits == 3
    assert (found[0, 3].bits, found[0, 3].mirrored) == (1, False)
    assert (found[0, 1].bits, found[0, 1].mirrored) == (0, True)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_images_are_no_trouble(count: int) -> None:
    assert looked_at([scene(seed) for seed in range(count)]).groups == []


def test_what_cannot_be_looked_at_is_no_copy() -> None:
    vectors = np.repeat(directions(1), 3, axis=0)

    assert find_copies([ImageFacts()] * 3, Signs(vectors), lambda place: None).groups == []
