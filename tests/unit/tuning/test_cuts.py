"""The best threshold of a label, and whether it is more than chance."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from backend.tuning.aim import Aim
from backend.tuning.cuts import chosen_cut
from backend.tuning.evidence import OnImage, ScoredBox


def image(task: int, *boxes: tuple[float, bool], missed: int = 0) -> OnImage:
    found = tuple(ScoredBox(score, right) for score, right in boxes)
    there = sum(right for _, right in boxes) + missed
    return OnImage(task, "tiny-0123456789", found, there, known=True)


#: Right from 0.6 on, wrong up to 0.4: on 40 images two right ones and a wrong one.
CLEAR = [image(n, (0.6 + n / 200, True), (0.9, True), (0.4 - n / 200, False)) for n in range(40)]


@pytest.mark.parametrize(("now", "best"), [(0.05, 0.405), (0.9, 0.6)])
def test_the_next_threshold_that_parts_right_from_wrong_is_taken(now: float, best: float) -> None:
    """Of equally good ones the one next to what is set, from either side."""
    chosen = chosen_cut(CLEAR, now, 0.005, Aim())

    assert chosen.acts
    assert chosen.best == best
    assert chosen.f1_best == 1.0
    assert chosen.interval.low > 0
    assert (chosen.kept.value, chosen.false.value) == (80, 0)


def test_what_it_would_have_hidden_and_shown_is_counted() -> None:
    higher, lower = (chosen_cut(CLEAR, now, 0.005, Aim()) for now in (0.05, 0.9))

    assert (higher.hidden, higher.hidden_right, higher.shown) == (40, 0, 0)
    assert (lower.shown, lower.shown_right, lower.hidden) == (40, 40, 0)


def test_a_good_threshold_stays() -> None:
    chosen = chosen_cut(CLEAR, 0.5, 0.005, Aim())

    assert (chosen.best, chosen.acts, chosen.gain) == (0.5, False, 0.0)


def test_two_lucky_boxes_change_nothing() -> None:
    """They make another threshold look better; the interval holds "no change"."""
    few = [image(n, (0.9, True), *([(0.5, False)] if n < 2 else [])) for n in range(40)]

    chosen = chosen_cut(few, 0.3, 0.005, Aim())

    assert chosen.gain > 0
    assert not chosen.acts
    assert chosen.interval.low <= 0


def test_of_those_as_good_within_an_error_the_one_next_to_what_is_set_is_taken() -> None:
    """Hiding what scores 0.6, too, would look better by one image of four: three wrong ones there, two right ones."""
    clear = [image(n, (0.9, True), (0.9, True), (0.3, False)) for n in range(40)]
    doubtful = [image(40 + n, (0.9, True), (0.6, n < 2)) for n in range(5)]

    chosen = chosen_cut([*clear, *doubtful], 0.1, 0.005, Aim())

    assert chosen.acts
    assert chosen.best == 0.305


def test_nothing_below_what_is_observable_is_tried() -> None:
    low = [image(n, (0.1, True), (0.9, True)) for n in range(40)]

    assert chosen_cut(low, 0.8, 0.005, Aim()).best == 0.1
    assert chosen_cut(low, 0.8, 0.6, Aim()).best == 0.8


def test_images_are_drawn_and_not_boxes() -> None:
    """Forty wrong boxes of one image are one observation."""
    one = [image(n, (0.9, True)) for n in range(40)]
    one[0] = image(0, (0.9, True), *[(0.4, False)] * 40)

    assert not chosen_cut(one, 0.3, 0.005, Aim()).acts


def test_a_precision_takes_the_least_threshold_that_reaches_it() -> None:
    chance = random.Random(0)
    images = [
        image(n, *((round(s, 3), chance.random() < s) for s in (chance.random() for _ in range(6))))
        for n in range(150)
    ]

    chosen = chosen_cut(images, 0.05, 0.005, Aim(precision=0.8))

    def precision(least: float) -> float:
        boxes = [box for one in images for box in one.boxes if box.score >= least]
        return sum(box.right for box in boxes) / len(boxes)

    assert chosen.acts
    assert precision(chosen.best) >= 0.8
    assert all(precision(least / 200) < 0.8 for least in range(1, round(chosen.best * 200)))


def test_a_precision_that_is_reached_more_cheaply_lowers_the_threshold() -> None:
    """What is gained then is recall."""
    chosen = chosen_cut(CLEAR, 0.9, 0.005, Aim(precision=1.0))

    assert chosen.acts
    assert chosen.best == 0.405
    assert chosen.gain == pytest.approx(0.5)


def test_a_precision_that_nothing_reaches_changes_nothing() -> None:
    wrong = [image(n, (0.9, n % 2 == 0), missed=1) for n in range(40)]

    chosen = chosen_cut(wrong, 0.3, 0.005, Aim(precision=0.9))

    assert (chosen.acts, chosen.reached, chosen.best) == (False, False, 0.3)


@pytest.mark.parametrize(
    ("aim", "shows"), [(Aim(add=5, delete=1), True), (Aim(add=1, delete=5), False)]
)
def test_costs_decide_whether_doubtful_boxes_are_shown(aim: Aim, shows: bool) -> None:
    """Half of them are right: worth showing where adding one costs most."""
    doubtful = [image(n, (0.9, True), (0.4, n % 2 == 0)) for n in range(200)]

    for now in (0.2, 0.6):
        chosen = chosen_cut(doubtful, now, 0.005, aim)
        assert (chosen.best <= 0.4) is shows
        assert chosen.acts is ((now <= 0.4) is not shows)


def test_the_same_boxes_give_the_same_figures() -> None:
    def twice() -> Sequence[object]:
        return [chosen_cut(CLEAR, 0.05, 0.005, Aim()) for _ in range(2)]

    one, other = twice()
    assert one == other
