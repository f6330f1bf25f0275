"""The figures that judge the models, on cases worked out by hand."""

from __future__ import annotations

import pytest

from models.measures import (
    Counts,
    Ignored,
    auroc,
    best_threshold,
    calibration_error,
    count_boxes,
    is_true,
    judged,
    matched,
)
from models.types import Box, Detection

DOG = Box(0, 0, 10, 10)


def test_a_true_box_counts_once() -> None:
    found = [Detection(DOG, "dog", 0.5), Detection(Box(0, 0, 10, 9), "dog", 0.9)]

    assert is_true(found, [("dog", DOG)], least_iou=0.5) == [True, False]
    assert count_boxes(found, [("dog", DOG)], least_iou=0.5) == Counts(1, 2, 1)


def test_the_right_place_under_another_name_is_false() -> None:
    assert is_true([Detection(DOG, "cat", 0.5)], [("dog", DOG)], least_iou=0.5) == [False]


def test_f1_of_nothing_is_one() -> None:
    assert Counts().f1 == Counts().precision == Counts().recall == 1


@pytest.mark.parametrize(
    ("scores", "truths", "expected"),
    [
        ([0.9, 0.1], [True, False], 1.0),
        ([0.1, 0.9], [True, False], 0.0),
        ([0.5, 0.5], [True, False], 0.5),
        ([0.9, 0.5, 0.4, 0.3], [True, False, True, False], 0.75),
        ([0.9], [True], None),
    ],
)
def test_auroc(scores: list[float], truths: list[bool], expected: float | None) -> None:
    assert auroc(scores, truths) == expected


def test_calibration_error_is_the_distance_of_score_and_truth() -> None:
    assert calibration_error([1.0, 1.0], [True, False]) == 0.5
    assert calibration_error([], []) is None


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
    assert count_boxes([whole], [], [Ignored("dog", DOG)], least_iou=0.5) == Counts(0, 0, 0)


def test_a_true_box_comes_before_one_that_is_ignored() -> None:
    found = [Detection(DOG, "dog", 0.5)]

    assert judged(found, [("dog", DOG)], [Ignored("dog", DOG)], least_iou=0.5) == [True]


def test_each_box_is_matched_with_the_one_that_it_overlaps_most() -> None:
    found = [Detection(Box(0, 0, 10, 6), "dog", 0.9), Detection(Box(0, 0, 10, 9), "dog", 0.1)]
    there = [("dog", Box(0, 0, 10, 5)), ("dog", DOG)]

    assert matched(found, there, least_iou=0.5) == {1: 1, 0: 0}


@pytest.mark.parametrize(("now", "best"), [(0.3, 0.3), (0.0, 0.2), (0.9, 0.5), (0.33, 0.33)])
def test_the_best_threshold_stays_where_another_is_no_better(now: float, best: float) -> None:
    """From 0.2 to 0.5 everything is right."""

    def counts(least: float) -> Counts:
        return Counts(3, 3, 3) if 0.2 <= least <= 0.5 else Counts(1, 3, 3)

    assert best_threshold(counts, now)[0] == best
