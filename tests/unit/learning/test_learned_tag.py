"""What is switched on for a label: only what is shown to be better on things that had no part in it."""

from __future__ import annotations

import pytest

from backend.learning.learned_tag import LearnedTag, learned_tag
from backend.learning.verdicts import Verdict
from tests.unit.learning.examples import evidence, observed


def verdict(learned: LearnedTag, label: str, part: str) -> Verdict:
    (found,) = [one for one in learned.verdicts if (one.label, one.part) == (label, part)]
    return found


def test_a_label_that_people_always_change_is_changed() -> None:
    """What is predicted as a car and looks like nothing known is called a dog by people."""
    learned = learned_tag(
        evidence(
            observed("car", "dog", 30, looks=5),
            observed("car", "car", 30, looks=0),
            observed("cat", "cat", 30, looks=2),
        ),
        4000,
    )

    changed = verdict(learned, "car", "label")
    assert learned.part.judged == ("car",)
    assert (changed.before, changed.after) == (0.5, 1.0)
    assert verdict(learned, "cat", "label").reason == "no better"


def test_where_predictions_are_right_nothing_is_switched_on() -> None:
    learned = learned_tag(
        evidence(*(observed(label, label, 30, looks=n) for n, label in enumerate(("car", "dog")))),
        4000,
    )

    assert not learned.is_on
    assert {one.reason for one in learned.verdicts} == {"no better"}


def test_labels_without_a_pattern_are_not_switched_on() -> None:
    """People call half of them otherwise, whatever they look like."""
    learned = learned_tag(
        evidence(
            observed("car", "dog", 30, looks=0, seed=1),
            observed("car", "car", 30, looks=0, seed=2, first=100),
            observed("dog", "dog", 30, looks=1),
        ),
        4000,
    )

    assert learned.part.judged == ()


def test_five_reviewed_boxes_teach_nothing_and_it_is_said() -> None:
    learned = learned_tag(evidence(observed("car", "dog", 5, looks=5)), 4000)

    assert not learned.is_on
    assert "only 5 of the tag's regions or images were reviewed; 20 or more" in (
        verdict(learned, "car", "label").reason
    )


def test_few_of_one_label_beside_many_of_others_are_left_and_it_is_said() -> None:
    learned = learned_tag(
        evidence(observed("car", "car", 40, looks=0), observed("dog", "cat", 3, looks=5)), 4000
    )

    assert "only 3 reviewed in 3 different images" in verdict(learned, "dog", "label").reason


def test_copies_of_one_image_count_once() -> None:
    """Forty regions that were changed, all in two images, show nothing."""
    changed = observed("car", "dog", 2, looks=5) * 20
    learned = learned_tag(evidence(changed, observed("cat", "cat", 30, looks=2)), 4000)

    assert verdict(learned, "car", "label").gain.groups == 2
    assert not verdict(learned, "car", "label").is_on


def test_boxes_are_drawn_as_people_draw_them() -> None:
    """Of the label that people draw looser, and of no other."""
    learned = learned_tag(
        evidence(
            observed("car", "car", 30, looks=0, looser=0.15), observed("dog", "dog", 30, looks=1)
        ),
        4000,
    )

    assert [label for label, _ in learned.part.shifts] == ["car"]
    shift = dict(learned.part.shifts)["car"]
    assert (shift.wider, shift.higher) == pytest.approx((1.15, 1.15), abs=0.001)
    assert verdict(learned, "car", "box").after == 0.9  # and more is no gain


def test_what_people_always_delete_is_left_out() -> None:
    """Of the look that they delete, and of that label."""
    learned = learned_tag(
        evidence(
            observed("car", None, 30, looks=6),
            observed("car", "car", 30, looks=0),
            observed("dog", "dog", 30, looks=1),
        ),
        4000,
    )

    assert [label for label, _ in learned.part.unwanted] == ["car"]


def test_what_is_deleted_whatever_it_looks_like_is_not_left_out() -> None:
    learned = learned_tag(
        evidence(
            observed("car", None, 30, looks=0, seed=3, first=100),
            observed("car", "car", 30, looks=0),
        ),
        4000,
    )

    assert learned.part.unwanted == ()


def test_more_examples_than_there_is_room_for_are_thinned_label_by_label() -> None:
    learned = learned_tag(
        evidence(observed("car", "dog", 60, looks=5), observed("cat", "cat", 20, looks=2)), 30
    )

    assert sorted((learned.examples.true == n).sum() for n in (1, 2)) == [15, 15]
