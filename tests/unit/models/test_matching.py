"""Which box stands for which thing, on cases worked out by hand."""

from __future__ import annotations

from models.matching import Ignored, judged, matched, nearest
from models.types import Box, Detection

DOG = Box(0, 0, 10, 10)


def test_a_thing_is_met_once() -> None:
    found = [Detection(DOG, "dog", 0.5), Detection(Box(0, 0, 10, 9), "dog", 0.9)]

    assert judged(found, [("dog", DOG)], least_iou=0.5) == [True, False]


def test_the_right_place_under_another_name_is_false() -> None:
    assert judged([Detection(DOG, "cat", 0.5)], [("dog", DOG)], least_iou=0.5) == [False]


def test_a_difficult_thing_is_met_by_overlap_and_a_crowd_by_what_lies_in_it() -> None:
    """Neither has to be found, nor is it wrong to."""
    inside = Detection(Box(0, 0, 4, 4), "dog", 0.5)
    whole = Detection(DOG, "dog", 0.5)

    for ignored, verdicts in (
        (Ignored("dog", DOG), [False, None]),
        (Ignored("dog", DOG, crowd=True), [None, None]),
        (Ignored("cat", DOG, crowd=True), [False, False]),
    ):
        assert judged([inside, whole], [], [ignored], least_iou=0.5) == verdicts


def test_a_true_box_comes_before_one_that_is_ignored() -> None:
    found = [Detection(DOG, "dog", 0.5)]

    assert judged(found, [("dog", DOG)], [Ignored("dog", DOG)], least_iou=0.5) == [True]


def test_each_box_is_matched_with_the_one_that_it_overlaps_most() -> None:
    found = [Detection(Box(0, 0, 10, 6), "dog", 0.9), Detection(Box(0, 0, 10, 9), "dog", 0.1)]
    there = [("dog", Box(0, 0, 10, 5)), ("dog", DOG)]

    assert matched(found, there, least_iou=0.5) == {1: 1, 0: 0}


def test_a_sure_box_that_is_badly_placed_takes_nothing_from_one_that_fits() -> None:
    """By score the first would have the larger thing, and the second none."""
    sure, fitting = Detection(Box(0, 0, 10, 6), "dog", 0.9), Detection(DOG, "dog", 0.1)

    assert matched([sure, fitting], [("dog", DOG)], least_iou=0.5) == {1: 0}


def test_the_nearest_box_overlaps_most_and_enough() -> None:
    assert nearest(DOG, [Box(0, 0, 10, 4), Box(0, 0, 10, 7)], least_iou=0.5) == 1
    assert nearest(DOG, [Box(0, 0, 10, 4)], least_iou=0.5) is None
    assert nearest(DOG, [], least_iou=0.0) is None
