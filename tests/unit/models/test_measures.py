"""The figures that judge the models, on cases worked out by hand."""

from __future__ import annotations

import pytest

from models.matching import Ignored
from models.measures import (
    Counts,
    auroc,
    best_threshold,
    calibration_error,
    count_boxes,
)
from models.types import Box, Detection

DOG = Box(0, 0, 10, 10)


def test_a_true_box_counts_once_and_an_ignored_one_not_at_all() -> None:
    found = [Detection(DOG, "dog", 0.5), Detection(Box(0, 0, 10, 9), "dog", 0.9)]

    assert count_boxes([found[0]], [], [Ignored("dog", DOG)], least_iou=0.5) == Counts(0, 0, 0)
    assert count_boxes(found, [("dog", DOG)], least_iou=0.5) == Counts(1, 2, 1)


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


@pytest.mark.parametrize(("now", "best"), [(0.3, 0.3), (0.0, 0.2), (0.9, 0.5), (0.33, 0.33)])
def test_the_best_threshold_stays_where_another_is_no_better(now: float, best: float) -> None:
    """From 0.2 to 0.5 everything is right."""

    def counts(least: float) -> Counts:
        return Counts(3, 3, 3) if 0.2 <= least <= 0.5 else Counts(1, 3, 3)

    assert best_threshold(counts, now)[0] == best
