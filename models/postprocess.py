"""Clears a query's raw detections of repeats and of boxes that cannot be right.

`supervision` does the non-maximum suppression; arrays stay inside this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import supervision as sv

from models.boxes import inside_share
from models.types import Detection, ImageSize

__all__ = ["CleanRules", "clean", "without_doubles", "without_groups"]


@dataclass(frozen=True, slots=True)
class CleanRules:
    """What is dropped. A rule set to `None` is off."""

    #: Of two boxes of one phrase that overlap more than this (IoU), the less sure one.
    same_phrase_iou: float | None = 0.5
    #: Of two boxes whatever their phrases, likewise: one thing asked for by two names keeps both
    #: below it.
    any_phrase_iou: float | None = 0.9
    #: A box that holds this many boxes of its own phrase: a group, not a thing.
    group_of: int | None = 2
    #: A box over this share of the image, unless surer than `large_score`: the usual answer for a
    #: thing that is not there.
    large_share: float | None = 0.82
    large_score: float = 0.5
    #: Any box less sure than this.
    min_score: float = 0.02


def clean(
    detections: Sequence[Detection], size: ImageSize, rules: CleanRules
) -> tuple[Detection, ...]:
    """Gives the detections that the rules keep, best first.

    A detection without a score counts as less sure than any with one, and is never dropped for it.
    Detections without a phrase are of no common kind: only the rule for any phrase holds among them.
    """
    kept = [
        found
        for found in detections
        if (found.score is None or found.score >= rules.min_score)
        and not _too_large(found, size, rules)
    ]
    kept.sort(key=_sureness, reverse=True)
    if rules.group_of is not None:
        kept = without_groups(kept, rules.group_of)
    if rules.same_phrase_iou is not None:
        kept = _suppressed(kept, rules.same_phrase_iou, class_agnostic=False)
    if rules.any_phrase_iou is not None:
        kept = _suppressed(kept, rules.any_phrase_iou, class_agnostic=True)
    return tuple(kept)


def without_groups(detections: Sequence[Detection], members: int) -> list[Detection]:
    """Gives the detections but those that hold so many others of their own phrase."""
    return [found for found in detections if not _is_group(found, detections, members)]


def without_doubles(
    detections: Sequence[Detection], views: Sequence[int], least_iou: float
) -> list[Detection]:
    """Gives the detections without repeats, surest first; of each thing the surest stays.

    `views`: the view, one number each, that a detection is from. Two of one phrase from two views that
    overlap by `least_iou` are one thing; two from one view never are.
    """
    if not detections:
        return []
    sides = np.array([_sides(found) for found in detections], dtype=np.float64)
    overlaps = sv.box_iou_batch(sides, sides)
    order = sorted(range(len(detections)), key=lambda n: -_sureness(detections[n]))
    kept: list[int] = []
    for number in order:
        if not any(
            views[number] != views[other]
            and detections[number].phrase == detections[other].phrase
            and overlaps[number, other] >= least_iou
            for other in kept
        ):
            kept.append(number)
    return [detections[number] for number in kept]


def _sides(found: Detection) -> tuple[float, float, float, float]:
    return found.box.x_min, found.box.y_min, found.box.x_max, found.box.y_max


def _sureness(found: Detection) -> float:
    return -1.0 if found.score is None else found.score


def _too_large(found: Detection, size: ImageSize, rules: CleanRules) -> bool:
    if rules.large_share is None or found.score is None or found.score >= rules.large_score:
        return False
    return found.box.area > rules.large_share * size.width * size.height


def _is_group(found: Detection, all_found: Sequence[Detection], members: int) -> bool:
    inside = sum(
        1
        for other in all_found
        if other is not found
        and other.phrase == found.phrase != ""
        and other.box.area < 0.8 * found.box.area
        and inside_share(other.box, found.box) > 0.9
    )
    return inside >= members


def _suppressed(
    detections: list[Detection], iou: float, *, class_agnostic: bool
) -> list[Detection]:
    if len(detections) < 2:
        return detections
    kept = sv.Detections(
        xyxy=np.array([_sides(d) for d in detections], dtype=np.float64),
        confidence=np.array([_sureness(d) for d in detections]),
        class_id=np.array(_kinds(detections)),
        data={"place": np.arange(len(detections))},
    ).with_nms(threshold=iou, class_agnostic=class_agnostic)
    return [detections[place] for place in sorted(int(p) for p in kept.data["place"])]


def _kinds(detections: Sequence[Detection]) -> list[int]:
    """Gives one number for each phrase, and a number of its own for each detection without one."""
    numbers: dict[object, int] = {}
    names = [found.phrase or place for place, found in enumerate(detections)]
    return [numbers.setdefault(name, len(numbers)) for name in names]
