"""The images that took most edits, with what became of each box, to be drawn. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from backend.review.annotation_review import AnnotationReview, Fate, RegionReview
from backend.review.figures import Mark, MarkKind, WorstTask
from backend.review.result_content import DrawnThing
from backend.review.tally import Worst

__all__ = ["worst_task"]

#: A mark, with its image's tag and page.
Placed: TypeAlias = tuple[tuple[str, int], Mark]
_KINDS: dict[Fate, MarkKind] = {
    Fate.KEPT: "kept",
    Fate.MOVED: "moved",
    Fate.RELABELLED: "relabelled",
    Fate.REPLACED: "replaced",
    Fate.DELETED: "deleted",
}


def worst_task(one: Worst, url: str) -> WorstTask:
    """The task with the marks of one image, of the first with an edit if there is one; `url` is the project's in browsers."""
    placed = list(_marks(one.review))
    first = sorted(placed, key=lambda one: one[1].kind == "kept")[:1]
    image, page = first[0][0] if first else ("", 0)
    return WorstTask(
        task=one.task.id,
        annotation=one.review.annotation.id,
        edits=one.edits,
        url=f"{url}?task={one.task.id}",
        image=image,
        page=page,
        marks=tuple(mark for place, mark in placed if place == (image, page)),
    )


def _marks(review: AnnotationReview) -> Iterator[Placed]:
    """What can be drawn; mistakes last, so that they lie on top."""
    for one in sorted(review.regions, key=lambda region: region.fate is not Fate.KEPT):
        yield from _of_region(one)
    for added in review.added:
        yield from _mark("added", added.thing, added.thing.label)


def _of_region(one: RegionReview) -> Iterator[Placed]:
    thing, now = one.thing, one.now
    if now is not None and one.fate in (Fate.MOVED, Fate.REPLACED):
        yield from _mark("meant", now, now.label)
    made = now is not None and one.fate is Fate.RELABELLED
    label = f"{thing.label} > {now.label}" if now is not None and made else thing.label
    yield from _mark(_KINDS[one.fate], thing, label, thing.score)


def _mark(
    kind: MarkKind, thing: DrawnThing, label: str, score: float | None = None
) -> Iterator[Placed]:
    box = thing.box
    if box is not None:
        sides = (box.x_min, box.y_min, box.x_max - box.x_min, box.y_max - box.y_min)
        left, top, width, height = (round(side, 3) for side in sides)
        yield thing.place, Mark(kind, label, (left, top, width, height), score)
