"""An annotation against the prediction that it began from -> what a person made of each part. Pure.

Facts of Label Studio 1.23 that the rules rest on: the editor keeps a region's id, its `origin` tells
whether it was changed, and its score stays that of the prediction even where the label is another. So
ids and the copy of the prediction decide, and a score is always the prediction's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from backend.label_studio.records import AnnotationRow, PredictionRow
from backend.review.annotation_review import (
    AddedRegion,
    AnnotationReview,
    Beginning,
    Fate,
    RegionReview,
    StatementReview,
)
from backend.review.result_content import Content, DrawnThing, content_of, distance, overlap
from models.matching import matched
from models.types import Detection

__all__ = ["KEPT_IOU", "REPLACED_IOU", "base_of", "review_of"]

#: A box that overlaps its prediction so much is kept: two people draw the same thing no better.
KEPT_IOU = 0.9
#: A box that was drawn anew over a deleted one of the same label stands for it.
REPLACED_IOU = 0.5
_PREDICTED = frozenset({"prediction", "prediction-changed"})


def base_of(annotation: AnnotationRow, rows: Mapping[int, PredictionRow]) -> PredictionRow | None:
    """The prediction that an annotation began from; `rows` are stored ones by id, as far as asked for.

    Label Studio's copy is of the version that the project showed, not of what the person had open; so
    the row that is named as parent counts first. The copy counts where it is of that row, or where no
    row is named, since it was deleted.
    """
    parent, copy = annotation.parent_prediction, annotation.prediction
    if parent is not None and parent in rows:
        return rows[parent]
    if copy is None or copy.result is None or parent not in (None, copy.id):
        return None
    return copy


def review_of(annotation: AnnotationRow, base: PredictionRow | None) -> AnnotationReview:
    """What became of each region and tag of the prediction; what each annotation began from."""
    if annotation.was_cancelled:
        return AnnotationReview(annotation, Beginning.SKIPPED)
    now = content_of(annotation.result or ())
    then = content_of(base.result or ()) if base is not None else None
    if then is not None and annotation.parent_prediction is None and _began_elsewhere(now, then):
        then = None
    # A prediction that found nothing, accepted in bulk, is an annotation without result.
    from_one = base is not None or annotation.parent_prediction is not None
    by_hand = annotation.lead_time is not None or not now.origins <= {""}
    unseen = not by_hand and (bool(annotation.result) or from_one)
    if base is None or then is None:
        lost = not now.origins.isdisjoint(_PREDICTED)
        nothing = Beginning.LOST if lost else Beginning.NOTHING
        return AnnotationReview(annotation, Beginning.UNSEEN if unseen else nothing)
    regions, added = _compared(then, now)
    return AnnotationReview(
        annotation,
        Beginning.UNSEEN if unseen else Beginning.PREDICTION,
        base.model_version,
        tuple(regions),
        tuple(added),
        tuple(_statements(then, now, regions)),
    )


def _began_elsewhere(now: Content, then: Content) -> bool:
    """Whether a region came from a prediction that the copy is not of: from a row that was deleted."""
    if then.unnamed:
        return False
    return any(
        name not in then.things and not thing.origins.isdisjoint(_PREDICTED)
        for name, thing in now.things.items()
    )


def _compared(then: Content, now: Content) -> tuple[list[RegionReview], list[AddedRegion]]:
    """Regions by their ids; what has none, and what was drawn anew, by its place."""
    left = [thing for name, thing in now.things.items() if name not in then.things]
    gone = [thing for name, thing in then.things.items() if name not in now.things]
    regions = [
        _review(thing, now.things[name])
        for name, thing in then.things.items()
        if name in now.things
    ]
    left += now.unnamed
    # Of a prediction without ids the editor made new ones: what lies there is the same region.
    same, unnamed, left = _paired(then.unnamed, left)
    regions += [_review(one, other) for one, other in same]
    anew, deleted, left = _paired(gone, left)
    regions += [RegionReview(one, Fate.REPLACED, overlap(one, other), other) for one, other in anew]
    regions += [RegionReview(thing, Fate.DELETED) for thing in (*deleted, *unnamed)]
    return regions, [AddedRegion(thing) for thing in left]


def _review(thing: DrawnThing, now: DrawnThing) -> RegionReview:
    shared = overlap(thing, now)
    if thing.label != now.label:
        return RegionReview(thing, Fate.RELABELLED, shared, now)
    kept = shared is not None and shared >= KEPT_IOU
    return RegionReview(thing, Fate.KEPT if kept else Fate.MOVED, shared, now)


def _paired(
    ones: Sequence[DrawnThing], others: Sequence[DrawnThing]
) -> tuple[list[tuple[DrawnThing, DrawnThing]], list[DrawnThing], list[DrawnThing]]:
    """Things of one label in one place, each once; and those of both sides that are alone."""
    if not ones or not others:
        return [], list(ones), list(others)
    boxed, bare = _with_boxes(ones)
    there, others_bare = _with_boxes(others)
    met = matched(
        [Detection(box, _what(ones[n]), None) for n in boxed if (box := ones[n].box)],
        [(_what(others[n]), box) for n in there if (box := others[n].box)],
        least_iou=REPLACED_IOU,
    )
    pairs = {boxed[one]: there[other] for one, other in met.items()}
    taken = set(pairs.values())
    for _, one, other in sorted(_in_one_place(ones, bare, others, others_bare)):
        if one not in pairs and other not in taken:
            pairs[one] = other
            taken.add(other)
    return (
        [(ones[one], others[other]) for one, other in pairs.items()],
        [one for number, one in enumerate(ones) if number not in pairs],
        [other for number, other in enumerate(others) if number not in taken],
    )


def _with_boxes(things: Sequence[DrawnThing]) -> tuple[list[int], list[int]]:
    """The numbers of those that have a box, and of those that have none, such as key points."""
    boxed = [number for number, thing in enumerate(things) if thing.box is not None]
    return boxed, [number for number, thing in enumerate(things) if thing.box is None]


def _in_one_place(
    ones: Sequence[DrawnThing],
    bare: Sequence[int],
    others: Sequence[DrawnThing],
    others_bare: Sequence[int],
) -> Iterator[tuple[float, int, int]]:
    """Of things without a box: how far apart those of one label in one place are, and their numbers."""
    for one in bare:
        for other in others_bare:
            if _what(ones[one]) == _what(others[other]):
                shared = overlap(ones[one], others[other])
                if shared is not None and shared >= REPLACED_IOU:
                    yield distance(ones[one], others[other]), one, other


def _what(thing: DrawnThing) -> str:
    """Image, page and label, as one name for the matcher."""
    return json.dumps([*thing.place, thing.label])


def _statements(
    then: Content, now: Content, regions: Sequence[RegionReview]
) -> Iterator[StatementReview]:
    """Tag by tag. What is said of a region that was deleted or added goes with that edit."""
    became = {one.thing.id: one.now.id for one in regions if one.now is not None and one.thing.id}
    before = {
        (image, page, became[about] if about else "", control): said
        for (image, page, about, control), said in then.statements.items()
        if not about or about in became
    }
    about_these = {"", *became.values()}
    after = {key: said for key, said in now.statements.items() if key[2] in about_these}
    for key in dict.fromkeys((*before, *after)):
        yield StatementReview(before.get(key), after.get(key))
