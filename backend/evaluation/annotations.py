"""What people submitted in Label Studio for one task -> what is there. Pure.

Of several annotations of a task one counts: the one marked as ground truth, else the newest. Skipped ones
(cancelled) never do, and neither do predictions. A shape counts by the box around it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from backend.errors import BadRequest
from backend.evaluation.labelled import TrueBox, Truth, fractions
from backend.label_studio.records import AnnotationRow
from backend.prediction.read_regions import Choices, ReadRegion, read_regions
from backend.prediction.region_shapes import KeyPoint
from backend.prediction.shape_pixels import box_of
from models.types import ImageSize

__all__ = ["chosen_annotation", "submitted", "truths_of"]

#: In percent nothing but a turned rectangle needs to know the image's sides.
_PERCENT = ImageSize(100, 100)


def chosen_annotation(annotations: Sequence[AnnotationRow]) -> AnnotationRow | None:
    """The annotation that counts; `None` where none was submitted.

    >>> drawn, skipped = AnnotationRow(id=1, result=[]), AnnotationRow(id=2, was_cancelled=True)
    >>> chosen_annotation([drawn, skipped]).id
    1
    """
    return max(submitted(annotations), key=_rank, default=None)


def submitted(annotations: Sequence[AnnotationRow]) -> list[AnnotationRow]:
    """The annotations that people submitted, and did not skip."""
    return [one for one in annotations if not one.was_cancelled and one.result is not None]


def truths_of(result: Sequence[object], troubles: Counter[str]) -> dict[str, Truth]:
    """What a result says of each image, by its name; what cannot be used is counted in `troubles`."""
    boxes: defaultdict[str, list[TrueBox]] = defaultdict(list)
    tags: defaultdict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    sizes: dict[str, ImageSize] = {}
    for region in read_regions(result):
        image = region.to_name
        if not (image and region.from_name):
            continue
        if region.size is not None:
            sizes.setdefault(image, region.size)
        if region.is_drawn:
            boxes[image] += _true_boxes(region, troubles)
        elif isinstance(said := region.said, Choices):
            tags[image][region.from_name] = frozenset(" > ".join(path) for path in said.paths)
    return {
        image: Truth(tuple(boxes[image]), sizes.get(image), tags[image])
        for image in {**boxes, **tags, **sizes}
    }


def _rank(annotation: AnnotationRow) -> tuple[bool, str, int]:
    at = annotation.updated_at or annotation.created_at
    return annotation.ground_truth, at, annotation.id or 0


def _true_boxes(region: ReadRegion, troubles: Counter[str]) -> Iterator[TrueBox]:
    """A box for each label of a drawn region; its siblings without labels only repeat the shape."""
    if not region.labels:
        return
    frame = region.size or _PERCENT
    try:
        shape = region.shape
        box = None if shape is None or isinstance(shape, KeyPoint) else box_of(shape, frame)
    except BadRequest:
        troubles["regions that cannot be read"] += 1
        return
    sides = box and fractions(box.x_min, box.y_min, box.x_max, box.y_max, frame.width, frame.height)
    if sides is None:
        troubles["regions without a box, key points"] += 1
        return
    yield from (TrueBox(label, sides, region.from_name) for label in region.labels)
