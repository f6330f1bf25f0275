"""The one matcher of boxes: whatever is said of right, wrong and repeated boxes rests on it. Pure functions.

Pairs are made by overlap, the largest first, and not by score as COCO's average precision makes them: which
thing a box stands for does not depend on how sure the model is of it. A box that is sure and badly placed would
else take the thing of one that fits, and both would count as wrong. No optimum over all pairs is sought: above an IoU of
0.5 a box has at most one thing that it fits, unless things lie over each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.boxes import inside_share, iou
from models.types import Box, Detection

__all__ = ["Ignored", "judged", "matched", "nearest"]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A true box that nobody has to find, and that is no error to find: difficult, or a crowd.

    A crowd is met by any number of boxes that lie in it; a difficult thing by enough overlap.
    """

    phrase: str
    box: Box
    crowd: bool = False

    def is_met(self, found: Detection, least_iou: float) -> bool:
        """Says whether a detection marks it."""
        share = inside_share if self.crowd else iou
        return found.phrase == self.phrase and share(found.box, self.box) >= least_iou


def matched(
    found: Sequence[Detection], truth: Sequence[tuple[str, Box]], *, least_iou: float
) -> dict[int, int]:
    """Gives the number of the true box that a detection marks, for each detection that marks one.

    It marks a box of its own phrase that it overlaps enough. Each true box is met at most once, by the
    detection that overlaps it most, however sure.

    >>> dogs = [Detection(Box(0, 0, 9, 5), "dog", 0.9), Detection(Box(0, 0, 9, 9), "dog", 0.5)]
    >>> matched(dogs, [("dog", Box(0, 0, 9, 8))], least_iou=0.5)
    {1: 0}
    """
    pairs = sorted(
        (
            (overlap, one, other)
            for one, detection in enumerate(found)
            for other, (phrase, box) in enumerate(truth)
            if phrase == detection.phrase and (overlap := iou(detection.box, box)) >= least_iou
        ),
        key=lambda pair: -pair[0],
    )
    met: dict[int, int] = {}
    taken: set[int] = set()
    for _, one, other in pairs:
        if one not in met and other not in taken:
            met[one] = other
            taken.add(other)
    return met


def judged(
    found: Sequence[Detection],
    truth: Sequence[tuple[str, Box]],
    ignored: Sequence[Ignored] = (),
    *,
    least_iou: float,
) -> list[bool | None]:
    """Says of each detection whether it marks something there; `None`: only something ignored.

    >>> crowd = Ignored("dog", Box(0, 0, 90, 90), crowd=True)
    >>> judged([Detection(Box(0, 0, 9, 9), "dog", 0.5)], [], [crowd], least_iou=0.5)
    [None]
    """
    met = matched(found, truth, least_iou=least_iou)
    return [
        None
        if number not in met and any(each.is_met(one, least_iou) for each in ignored)
        else number in met
        for number, one in enumerate(found)
    ]


def nearest(box: Box, others: Iterable[Box], *, least_iou: float) -> int | None:
    """Gives the number of the box that overlaps most with `box`; `None` where none overlaps enough.

    >>> nearest(Box(0, 0, 9, 9), [Box(0, 0, 9, 2), Box(0, 0, 9, 8)], least_iou=0.5)
    1
    """
    overlaps = [(iou(box, other), -number) for number, other in enumerate(others)]
    overlap, number = max(overlaps, default=(0.0, 0))
    return -number if overlaps and overlap >= least_iou else None
