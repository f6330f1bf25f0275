"""How boxes are drawn: moved and grown as people do, or around what stands out in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.learning.box_shift import drawing_of
from backend.learning.learned_tag import learned_tag
from backend.learning.verdicts import Verdict
from models.heads import Shift
from models.types import Box
from tests.unit.learning.examples import evidence, observed

#: Predicted boxes are 50 wide and high; people draw these.
THINGS = [Box(100, 100, 150, 150 + 3 * n) for n in range(-6, 7)]


def drawn(count: int, *, fitting: bool) -> list:  # type: ignore[type-arg]
    """Each of another height, so that no shift fits all; what stands out is that, or another thing."""
    some = observed("car", "car", count, looks=0)
    return [
        replace(one, true_box=thing, fit=thing if fitting else Box(0, 0, 20, 20))
        for one, thing in zip(some, THINGS * 3, strict=False)
    ]


def test_boxes_are_drawn_around_what_stands_out_where_people_draw_these() -> None:
    learned = learned_tag(
        evidence(drawn(30, fitting=True), observed("dog", "dog", 30, looks=1)), 4000
    )

    assert learned.part.fitted == ("car",)
    assert dict(learned.part.shifts)["car"] == Shift(0.0, 0.0, 1.0, 1.0)
    assert not learned.part.asks


def test_what_stands_out_elsewhere_is_another_thing() -> None:
    learned = learned_tag(evidence(drawn(30, fitting=False)), 4000)

    assert learned.part.fitted == ()


def test_boxes_that_people_leave_say_nothing_of_how_wide_outlines_are() -> None:
    """What stands out is a tenth too wide; half of the predicted boxes were near enough to be left."""
    wide = Box(97.5, 97.5, 152.5, 152.5)
    moved = [
        replace(one, true_box=Box(100, 100, 150, 150), box=Box(100, 90, 150, 140), fit=wide)
        for one in observed("car", "car", 15, looks=0)
    ]
    left = [
        replace(one, true_box=Box(96, 97, 154, 153), box=Box(96, 97, 154, 153), fit=wide)
        for one in observed("car", "car", 16, looks=0, first=50)
    ]

    drawing = drawing_of([*moved, *left])

    assert drawing.fitted
    assert (drawing.shift.wider, drawing.shift.higher) in [
        (1.0, 1.0),
        pytest.approx((0.909, 0.909), abs=0.001),
    ]


def test_boxes_near_enough_count_as_right() -> None:
    """People leave what overlaps by nine tenths, so that more of it is no gain."""
    some = [
        replace(one, true_box=Box(100, 100, 150, 152), fit=Box(100, 100, 150, 152))
        for one in observed("car", "car", 30, looks=0)
    ]

    learned = learned_tag(evidence(some), 4000)

    assert learned.part.fitted == ()
    (verdict,) = [one for one in learned.verdicts if one.part == "box"]
    assert isinstance(verdict, Verdict)
    assert verdict.before == verdict.after == 0.9
