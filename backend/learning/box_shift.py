"""How people change the boxes of a label: moved by shares of the box, and grown by factors. Pure.

Or they draw them around what stands out in them; that is done first where it fits better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.learning.evidence import FloatArray, Observed
from backend.prediction.learned import fitted_box
from backend.review.comparison import KEPT_IOU
from models.boxes import iou
from models.heads import Shift
from models.types import Box

__all__ = ["MOST_SHIFTED", "Drawing", "drawing_of", "overlap_gains", "shift_of", "shifted"]

#: More boxes of a label tell no more.
MOST_SHIFTED = 4000
_MOST_FACTOR = 2.0
#: Overlap of a box with itself, in spite of rounding in percent.
_LEFT = 0.999
_NO_SHIFT = Shift(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Drawing:
    """How boxes are drawn: around what stands out in them, if `fitted`; and then shifted."""

    fitted: bool
    shift: Shift

    def of(self, one: Observed) -> Box | None:
        """The box of one thing, as people would draw it; it may reach beyond the image."""
        box = _begun(one, fitted=self.fitted)
        return None if box is None else shifted(box, self.shift)


def drawing_of(observed: Sequence[Observed]) -> Drawing:
    """The way by which people would leave most boxes as they are; of such, the one that overlaps most."""
    ways = (
        Drawing(fitted=False, shift=shift_of(observed)),
        Drawing(fitted=True, shift=_NO_SHIFT),
        Drawing(fitted=True, shift=shift_of(observed, fitted=True)),
    )

    def worth(way: Drawing) -> tuple[int, float]:
        overlaps = overlap_gains(observed, way)[1]
        return int((overlaps >= KEPT_IOU).sum()), float(overlaps.sum())

    return max(ways, key=worth)


def _begun(one: Observed, *, fitted: bool) -> Box | None:
    return one.box if one.box is None or not fitted else fitted_box(one.box, one.fit)


def shift_of(observed: Sequence[Observed], *, fitted: bool = False) -> Shift:
    """The usual shift and growth, as medians: a few boxes drawn wrongly change nothing.

    `fitted`: of boxes around what stands out in those that were predicted. Of these, boxes that people left as
    they were predicted say nothing.

    >>> shift_of([Observed("car", "car", "a", box=Box(0, 0, 10, 10), true_box=Box(0, 0, 20, 10))])
    Shift(x=0.5, y=0.0, wider=2.0, higher=1.0)
    """
    changes = []
    for one in observed:
        box = _begun(one, fitted=fitted)
        if box is None or one.true_box is None or (fitted and _is_left(one)):
            continue
        (x, y, width, height), (true_x, true_y, true_width, true_height) = (
            _sides(box),
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
        return _NO_SHIFT
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


def overlap_gains(observed: Sequence[Observed], drawing: Drawing) -> tuple[FloatArray, FloatArray]:
    """The overlap (IoU) of each with what a person drew, as predicted and as drawn, shape (observed,).

    More than people leave as it is counts no more: what they left is right by so much, and not to the pixel.
    """
    before, after = [], []
    for one in observed:
        drawn = drawing.of(one)
        if one.box is not None and one.true_box is not None and drawn is not None:
            before.append(iou(one.box, one.true_box))
            after.append(iou(drawn, one.true_box))
    return tuple(np.minimum(np.array(some), KEPT_IOU) for some in (before, after))


def _is_left(one: Observed) -> bool:
    """Whether the person left the box where it was."""
    return one.box is not None and one.true_box is not None and iou(one.box, one.true_box) > _LEFT


def _sides(box: Box) -> tuple[float, float, float, float]:
    """Middle and sides."""
    width, height = box.x_max - box.x_min, box.y_max - box.y_min
    return box.x_min + width / 2, box.y_min + height / 2, width, height
