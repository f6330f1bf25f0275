"""How people change the boxes of a label: moved by shares of the box, and grown by factors. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from backend.learning.evidence import FloatArray, Observed
from models.boxes import iou
from models.heads import Shift
from models.types import Box

__all__ = ["MOST_SHIFTED", "overlap_gains", "shift_of", "shifted"]

#: More boxes of a label tell no more.
MOST_SHIFTED = 4000
_MOST_FACTOR = 2.0


def shift_of(observed: Sequence[Observed]) -> Shift:
    """The usual shift and growth, as medians: a few boxes drawn wrongly change nothing.

    >>> shift_of([Observed("car", "car", "a", box=Box(0, 0, 10, 10), true_box=Box(0, 0, 20, 10))])
    Shift(x=0.5, y=0.0, wider=2.0, higher=1.0)
    """
    changes = []
    for one in observed:
        if one.box is None or one.true_box is None:
            continue
        (x, y, width, height), (true_x, true_y, true_width, true_height) = (
            _sides(one.box),
            _sides(one.true_box),
        )
        changes.append(
            (
                (true_x - x) / width,
                (true_y - y) / height,
                math.log(true_width / width),
                math.log(true_height / height),
            )
        )
    if not changes:
        return Shift(0.0, 0.0, 1.0, 1.0)
    x, y, wider, higher = np.median(np.array(changes), axis=0).tolist()
    most = math.log(_MOST_FACTOR)
    factors = (math.exp(max(-most, min(most, each))) for each in (wider, higher))
    return Shift(round(x, 4), round(y, 4), *(round(each, 4) for each in factors))


def shifted(box: Box, shift: Shift) -> Box:
    """The box as people would draw it; it may reach beyond the image."""
    x, y, width, height = _sides(box)
    x, y = x + shift.x * width, y + shift.y * height
    across, down = width * shift.wider / 2, height * shift.higher / 2
    return Box(x - across, y - down, x + across, y + down)


def overlap_gains(observed: Sequence[Observed], shift: Shift) -> tuple[FloatArray, FloatArray]:
    """The overlap (IoU) of each with what a person drew, before it is shifted and after, shape (observed,)."""
    pairs = [(one.box, one.true_box) for one in observed]
    known = [(box, true) for box, true in pairs if box is not None and true is not None]
    before = np.array([iou(box, true) for box, true in known])
    after = np.array([iou(shifted(box, shift), true) for box, true in known])
    return before, after


def _sides(box: Box) -> tuple[float, float, float, float]:
    """Middle and sides."""
    width, height = box.x_max - box.x_min, box.y_max - box.y_min
    return box.x_min + width / 2, box.y_min + height / 2, width, height
