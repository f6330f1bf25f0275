"""The figures that judge the models, on cases worked out by hand."""

from __future__ import annotations

import pytest

from models.measures import Counts, auroc, calibration_error, count_boxes, is_true
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
