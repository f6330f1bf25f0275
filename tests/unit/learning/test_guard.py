"""No label is found worse for what is switched on: what would cost it most goes off, and that is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backend.learning.evidence import Observed
from backend.learning.learned_tag import learned_tag
from tests.unit.learning.examples import evidence, observed


def deleted_cats(count: int) -> list[Observed]:
    """Cars that people delete, though they look like cats."""
    return observed("car", None, count, looks=2, first=200)


def test_a_label_that_wrong_boxes_would_come_to_is_not_given() -> None:
    """Cars are called dogs rightly; that some would be called cats would make cats worse than they are."""
    learned = learned_tag(
        evidence(
            observed("car", "dog", 60, looks=5),
            deleted_cats(15),
            observed("cat", "cat", 25, looks=2),
        ),
        4000,
    )

    assert learned.part.judged == ("car",)
    assert "dog" in learned.part.given
    assert "cat" not in learned.part.given
    (harm,) = learned.harms
    assert (harm.part, harm.label, harm.before) == ("given", "cat", 1.0)
    assert harm.after < 0.85


@pytest.mark.parametrize("renamed", [14, 40])
def test_a_label_that_nobody_uses_any_more_guards_nothing(renamed: int) -> None:
    """All cars are called dogs: cars are wrong before and after, while other labels change, too."""
    learned = learned_tag(
        evidence(
            observed("car", "dog", renamed, looks=5),
            observed("cat", "cat", 20, looks=2),
            observed("cat", None, 6, looks=4, first=300),
        ),
        4000,
    )

    assert "car" in learned.part.judged
    assert "dog" in learned.part.given
    assert learned.harms == ()


def test_a_label_that_gains_by_what_comes_to_it_is_given() -> None:
    """Half of what comes to cats is wrong, yet before hardly any cat was found."""
    learned = learned_tag(
        evidence(
            observed("car", "cat", 40, looks=2),
            observed("car", "car", 40, looks=0),
            deleted_cats(8),
        ),
        4000,
    )

    assert "cat" in learned.part.given
    assert learned.harms == ()


def test_what_looks_more_like_deleted_boxes_is_called_as_before() -> None:
    """It is wrong under any label, so the label that it came to would be worse."""
    learned = learned_tag(
        evidence(
            observed("car", "dog", 60, looks=5),
            deleted_cats(60),
            observed("cat", "cat", 12, looks=2),
        ),
        4000,
    )

    assert ("car" in learned.part.judged, learned.harms) == (True, ())
    assert "cat" in learned.part.given


def test_examples_that_were_thinned_out_count_in_f1() -> None:
    """Of many deleted boxes few are examples, and these stand for all."""
    some = evidence(
        observed("car", "dog", 60, looks=5),
        deleted_cats(30),
        observed("cat", "cat", 50, looks=2),
    )

    learned = learned_tag(some, 60)

    assert len(learned.examples.true) == 60
    assert "cat" not in learned.part.given


def missing(true: str, count: int) -> list[Observed]:
    """Things that people drew where nothing was found."""
    return [Observed(None, true, f"missing-{true}-{n}") for n in range(count)]


def found(true: str | None, count: int, *, looks: int, first: int = 300) -> list[Observed]:
    """What the models find by themselves where nothing was predicted."""
    some = observed("car", true, count, looks=looks, first=first)
    return [replace(one, predicted=None) for one in some]


def test_what_else_is_found_is_named_where_it_looks_like_what_people_draw() -> None:
    learned = learned_tag(
        evidence(
            observed("car", "car", 30, looks=0),
            found("dog", 30, looks=5),
            found(None, 30, looks=6),
            missing("dog", 5),
        ),
        4000,
    )

    assert [label for label, _ in learned.part.places] == ["dog"]
    assert learned.part.asks


def test_what_else_is_found_without_a_pattern_is_left() -> None:
    """As much of one look is drawn as is not."""
    learned = learned_tag(
        evidence(
            observed("car", "car", 30, looks=0),
            found("dog", 20, looks=5),
            found(None, 20, looks=5, first=400),
        ),
        4000,
    )

    assert learned.part.places == ()


@pytest.mark.parametrize("most", [4000, 50])
def test_the_same_evidence_teaches_the_same(most: int) -> None:
    some = evidence(
        observed("car", "dog", 40, looks=5), found("dog", 20, looks=5), deleted_cats(20)
    )

    first, again = (learned_tag(some, most) for _ in range(2))

    assert first.part == again.part
    assert np.array_equal(first.examples.vectors, again.examples.vectors)
