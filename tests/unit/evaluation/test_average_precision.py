"""The library's average precision against our own matching, and what it makes of ignored boxes."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from backend.evaluation.average_precision import average_precisions
from backend.evaluation.on_image import LabelKey, OnImage
from models.matching import Ignored, judged
from models.types import Box, Detection
from tests.unit.evaluation.sets import CAR, FAR, NEAR_CAR, found, on_image

IOUS = tuple(0.5 + 0.05 * step for step in range(10))


def library(images: Sequence[OnImage]) -> tuple[float, float]:
    key = images[0].key
    figures = average_precisions({key: images})[key]
    return figures.ap50, figures.ap


def by_our_matching(images: Sequence[OnImage], least_iou: float) -> float:
    """Precision at 101 recalls, the best of what comes after, averaged."""
    scored = sorted(
        (
            (one.score or 0.0, bool(true))
            for image in images
            for one, true in zip(
                image.found, judged(image.found, image.things, least_iou=least_iou), strict=True
            )
        ),
        reverse=True,
    )
    there = sum(len(image.truth) for image in images)
    points, hits = [], 0
    for number, (_, true) in enumerate(scored, start=1):
        hits += true
        points.append((hits / there, hits / number))
    recalls = [step / 100 for step in range(101)]
    return sum(
        max((precision for recall, precision in points if recall >= least - 1e-12), default=0.0)
        for least in recalls
    ) / len(recalls)


def scattered(seed: int) -> list[OnImage]:
    """Boxes in cells of their own, so that none overlaps two; scores all differ."""
    chance = random.Random(seed)
    images = []
    for number in range(40):
        truth, detections = [], []
        for cell in range(6):
            left, top = 100 * (cell % 3) + 10.0, 100 * (cell // 3) + 10.0
            box = Box(left, top, left + chance.uniform(30, 80), top + chance.uniform(30, 80))
            if chance.random() < 0.6:
                truth.append(box)
            if chance.random() < 0.7:
                by = chance.gauss(0, 6)
                moved = Box(box.x_min + by, box.y_min, box.x_max + by, box.y_max)
                detections.append(found(moved, chance.random()))
        images.append(on_image(str(number), detections, truth))
    return images


@pytest.mark.parametrize("seed", range(5))
def test_the_library_and_our_matching_agree(seed: int) -> None:
    images = scattered(seed)

    ap50, ap = library(images)

    ours = [by_our_matching(images, least) for least in IOUS]
    assert 0 < ap < ap50 < 1
    assert ap50 == pytest.approx(ours[0], abs=1e-6)
    assert ap == pytest.approx(sum(ours) / len(ours), abs=1e-6)


def test_all_right_is_one_and_nothing_found_is_nought() -> None:
    assert library([on_image("a", [found(CAR)], [CAR])]) == (1.0, 1.0)
    assert library([on_image("a", [], [CAR])]) == (0.0, 0.0)


def test_a_box_of_iou_06_counts_at_three_of_ten_limits() -> None:
    ap50, ap = library([on_image("a", [found(NEAR_CAR)], [CAR])])

    assert (ap50, ap) == pytest.approx((1.0, 0.3))


@pytest.mark.parametrize("crowd", [True, False])
def test_what_is_ignored_is_neither_missed_nor_wrong_to_find(crowd: bool) -> None:
    ignored = Ignored("car", FAR, crowd=crowd)
    found_too = [found(CAR, 0.8), found(FAR, 0.9)]

    assert library([on_image("a", found_too, [CAR], [ignored])]) == (1.0, 1.0)
    assert library([on_image("a", [found(CAR, 0.8)], [CAR], [ignored])]) == (1.0, 1.0)


def test_only_a_crowd_takes_a_small_box_within_it() -> None:
    """A surer false box before the right one halves its precision."""
    inside = Box(62, 12, 70, 20)
    detections = [found(CAR, 0.8), found(inside, 0.9)]

    def ap50(crowd: bool) -> float:
        return library([on_image("a", detections, [CAR], [Ignored("car", FAR, crowd=crowd)])])[0]

    assert (ap50(True), ap50(False)) == (1.0, 0.5)


def test_a_label_that_is_nowhere_has_none() -> None:
    there, absent = LabelKey("box", "car"), LabelKey("box", "dog")

    figures = average_precisions(
        {
            there: [on_image("a", [found(CAR)], [CAR])],
            absent: [on_image("a", [Detection(CAR, "dog", 0.9)], label="dog")],
        }
    )

    assert list(figures) == [there]
