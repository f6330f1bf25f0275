"""Curves from scores to shares of right boxes."""

from __future__ import annotations

import random

import pytest

from backend.label_config.calibration import Calibration
from backend.tuning.calibrating import Judged, tag_curves


def judged(count: int, curve: Calibration, seed: int = 0) -> list[Judged]:
    """Boxes that are right as often as the curve says of their score; three on an image."""
    chance = random.Random(seed)
    scores = [round(chance.random(), 4) for _ in range(count)]
    return [Judged(s, chance.random() < curve.of(s), n // 3) for n, s in enumerate(scores)]


HONEST, BOASTS = Calibration(1.0, 0.0), Calibration(1.0, -2.0)


def test_scores_that_say_too_much_are_put_right() -> None:
    curves = tag_curves({"car": judged(2000, BOASTS)}, {})

    found = curves.curves["car"]
    assert curves.gain is not None
    assert curves.gain.low > 0
    for score in (0.3, 0.5, 0.8, 0.9):
        assert found.of(score) == pytest.approx(BOASTS.of(score), abs=0.08)


@pytest.mark.parametrize("seed", range(5))
def test_honest_scores_stay(seed: int) -> None:
    curves = tag_curves({"car": judged(300, HONEST, seed)}, {})

    assert (dict(curves.curves), curves.why) == ({}, "the scores of now say it as well")


def test_a_curve_that_is_set_and_good_stays() -> None:
    """What is compared is the curve of now, not the raw scores."""
    boxes = {"car": judged(300, BOASTS)}

    assert tag_curves(boxes, {"car": None}).curves
    assert not tag_curves(boxes, {"car": BOASTS}).curves


def test_a_label_with_few_boxes_stays_near_the_curve_of_its_tag() -> None:
    """Its own three, all right where the tag's curve has one in seven right, move it half the way."""
    lucky = [Judged(0.5, True, 1000 + n) for n in range(3)]

    curves = tag_curves({"car": judged(600, BOASTS), "bus": lucky}, {}).curves

    assert curves["car"].of(0.5) < 0.2
    assert 0.2 < curves["bus"].of(0.5) < 0.6


def test_labels_that_are_right_more_and_less_often_each_have_their_level() -> None:
    """From thirty boxes each, as a tag of seven labels has them after two hundred: near 0.80 and 0.11."""
    often, seldom = Calibration(1.0, 1.0), Calibration(1.0, -2.5)
    boxes = {f"a{n}": judged(30, often, n) for n in range(3)}
    boxes |= {f"b{n}": judged(30, seldom, 10 + n) for n in range(3)}

    curves = tag_curves(boxes, {}).curves

    def level(group: str) -> float:
        return sum(curves[f"{group}{n}"].of(0.6) for n in range(3)) / 3

    assert level("a") > 0.65
    assert level("b") < 0.2


@pytest.mark.parametrize(
    ("boxes", "why"),
    [
        (judged(49, BOASTS), "too few: 1 reviewed box is missing"),
        ([Judged(0.9, True, n) for n in range(60)], "all boxes were right, or all wrong"),
        ([], "too few: 50 reviewed boxes are missing"),
    ],
)
def test_why_there_is_no_curve(boxes: list[Judged], why: str) -> None:
    curves = tag_curves({"car": boxes}, {})

    assert (dict(curves.curves), curves.why) == ({}, why)


def test_scores_of_zero_and_one_are_read() -> None:
    ends = [Judged(float(n % 2), n % 4 == 0, n) for n in range(80)]

    for curve in tag_curves({"car": ends}, {}).curves.values():
        assert 0 < curve.of(0.0) < curve.of(1.0) < 1
