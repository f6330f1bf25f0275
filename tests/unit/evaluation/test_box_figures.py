"""Figures of boxes on cases worked out by hand."""

from __future__ import annotations

import pytest

from backend.evaluation.average_precision import average_precisions
from backend.evaluation.box_figures import BoxFigures, all_boxes, box_figures
from backend.evaluation.on_image import LabelKey, OnImage
from models.matching import Ignored
from tests.unit.evaluation.sets import CAR, FAR, NEAR_CAR, found, on_image

#: One right box, one of IoU 0.6, one false, one missed; and one image without a car that has one shown.
IMAGES = [
    on_image("a", [found(CAR, 0.9)], [CAR]),
    on_image("b", [found(NEAR_CAR, 0.8)], [CAR]),
    on_image("c", [found(CAR, 0.4), found(FAR, 0.1)], [FAR]),
    on_image("d", [found(CAR, 0.6)]),
    on_image("e"),
]


def figures(images: list[OnImage]) -> BoxFigures:
    key = images[0].key
    return box_figures(images, average_precisions({key: images}).get(key))


def test_a_label_is_measured_at_its_threshold() -> None:
    got = figures(IMAGES)

    assert (got.truths, got.images_with, got.shown, got.threshold) == (3, 3, 4, 0.3)
    assert (got.precision, got.recall, got.f1) == pytest.approx((0.5, 2 / 3, 4 / 7))
    assert (got.precision_75, got.recall_75) == pytest.approx((0.25, 1 / 3))
    assert (got.boxed_without, got.images_without, got.boxed_without_share) == (1, 2, 0.5)


def test_scores_are_judged_down_to_the_lowest() -> None:
    """Right ones at 0.9, 0.8 and 0.1; wrong ones at 0.4 and 0.6."""
    got = figures(IMAGES)

    assert got.auroc == pytest.approx(4 / 6)
    assert got.ece == pytest.approx((0.1 + 0.2 + 0.4 + 0.6 + 0.9) / 5)


def test_the_best_threshold_is_where_f1_is_best() -> None:
    """Above 0.6 nothing wrong is left: two of three, both right. Nothing is gained beyond that."""
    got = figures(IMAGES)

    assert (got.best_threshold, got.best_f1) == pytest.approx((0.65, 4 / 5))
    assert not got.is_enough


def test_ignored_things_count_neither_for_nor_against() -> None:
    ignored = Ignored("car", FAR)
    got = figures([on_image("a", [found(CAR), found(FAR)], [CAR], [ignored])])

    assert (got.truths, got.shown, got.precision, got.recall) == (1, 1, 1.0, 1.0)
    # Nor is that image one without a car.
    assert figures([on_image("a", [found(FAR)], [], [ignored])]).images_without == 0


def test_what_cannot_be_told_is_told_so() -> None:
    got = figures([on_image("a")])

    assert (got.precision, got.recall, got.f1, got.ap, got.auroc, got.ece) == (None,) * 6


def test_all_labels_count_every_box_alike() -> None:
    dogs = [
        on_image(one.image, [found(FAR, 0.9, "dog")], [FAR], label="dog", threshold=0.5)
        for one in IMAGES
    ]
    by_label = {LabelKey("box", "car"): IMAGES, LabelKey("box", "dog"): dogs}

    got = all_boxes(by_label, average_precisions(by_label))

    assert (got.truths, got.shown, got.found, got.found_false) == (8, 9, 10, 2)
    assert (got.precision, got.recall) == pytest.approx((7 / 9, 7 / 8))
    assert (got.absent, got.boxed_absent) == (2, 1)
    assert got.f1_by_threshold["0.65"] == pytest.approx(2 * 7 / 15, abs=1e-4)
    assert got.f1_interval is not None
    assert got.f1_interval.low < (got.f1 or 0) < got.f1_interval.high
