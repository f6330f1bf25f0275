"""Places where nothing was predicted, though the model knows a name for what is there. Pure.

A label that means nothing to the model finds nothing. What people call such things tells a learned head how
they look, so it may name what the model finds by itself. Learning and predicting take the same places.
"""

from __future__ import annotations

from collections.abc import Iterable

from backend.prediction.step import Step
from backend.prediction.tag_values import reaches
from models.boxes import iou
from models.types import Detection

__all__ = ["SAME_PLACE_IOU", "free_places"]

#: Boxes that overlap as much are of one thing, as two of one phrase are (`models.postprocess.CleanRules`).
SAME_PLACE_IOU = 0.5


def free_places(
    step: Step, predicted: Iterable[Detection], found: Iterable[Detection]
) -> list[Detection]:
    """Of what was found besides, the surest first: what is apart from what was predicted, and from each other.

    `predicted`: all that reaches its label's threshold, whatever becomes of it. What is found besides is to
    reach the least of these.
    """
    least = min((step.threshold(label) for label in step.control.labels), default=0.0)
    taken = [one.box for one in predicted]
    free = []
    for one in sorted(found, key=lambda one: -(one.score or 0.0)):
        if not reaches(one.score, least):
            continue
        if all(iou(one.box, other) < SAME_PLACE_IOU for other in taken):
            taken.append(one.box)
            free.append(one)
    return free
