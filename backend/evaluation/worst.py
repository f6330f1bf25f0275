"""The images that went worst, and on each what was missed, false or badly placed. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from backend.evaluation.on_image import OnImage
from models.matching import judged, matched, nearest
from models.types import Box

__all__ = ["Mark", "WorstImage", "marks_on", "worst_images"]

MOST_IMAGES = 24
#: Overlap from which on a wrong box is one that was meant for a thing, and badly placed.
NEARLY = 0.1

Kind = Literal["right", "there", "missed", "false", "misplaced", "meant"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A box to draw, in pixels of the image.

    `right`, `false` and `misplaced` were found; `there` are true boxes that were, `missed` those that were
    not, and `meant` those next to a misplaced one.
    """

    kind: Kind
    label: str
    box: Box
    score: float | None = None


@dataclass(frozen=True, slots=True)
class WorstImage:
    """One image; `missed`, `false` and `misplaced` are counts."""

    image: str
    marks: tuple[Mark, ...]
    missed: int
    false: int
    misplaced: int

    @property
    def mistakes(self) -> int:
        return self.missed + self.false + self.misplaced


def worst_images(images: Iterable[OnImage], most: int = MOST_IMAGES) -> tuple[WorstImage, ...]:
    """The images with the most mistakes at the thresholds that are set, the worst first."""
    marks: defaultdict[str, list[Mark]] = defaultdict(list)
    for one in images:
        marks[one.image] += marks_on(one)
    told = (_told(image, some) for image, some in marks.items())
    ranked = sorted(
        (one for one in told if one.mistakes), key=lambda one: (-one.mistakes, one.image)
    )
    return tuple(ranked[:most])


def marks_on(one: OnImage) -> Iterator[Mark]:
    """What there is to draw of one label on one image."""
    shown, label = one.shown(), one.key.label
    met = matched(shown, one.things, least_iou=0.5)
    verdicts = judged(shown, one.things, one.ignored, least_iou=0.5)
    missed = [number for number in range(len(one.truth)) if number not in met.values()]
    for number, (found, verdict) in enumerate(zip(shown, verdicts, strict=True)):
        if verdict is True:
            yield Mark("right", label, found.box, found.score)
            yield Mark("there", label, one.truth[met[number]])
        elif verdict is False:
            place = nearest(found.box, (one.truth[number] for number in missed), least_iou=NEARLY)
            if place is None:
                yield Mark("false", label, found.box, found.score)
            else:
                yield Mark("misplaced", label, found.box, found.score)
                yield Mark("meant", label, one.truth[missed.pop(place)])
    yield from (Mark("missed", label, one.truth[number]) for number in missed)


def _told(image: str, marks: Sequence[Mark]) -> WorstImage:
    kinds = [mark.kind for mark in marks]
    return WorstImage(
        image, tuple(marks), *(kinds.count(kind) for kind in ("missed", "false", "misplaced"))
    )
