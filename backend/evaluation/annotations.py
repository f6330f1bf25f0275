"""What people submitted in Label Studio for one task -> what is there. Pure.

Of several annotations of a task one counts: the one marked as ground truth, else the newest. Skipped ones
(cancelled) never do, and neither do predictions. A shape counts by the box around it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from backend.errors import BadRequest
from backend.evaluation.labelled import TrueBox, Truth, fractions
from backend.label_studio.records import AnnotationRow
from backend.prediction.region_shapes import Painted, Pointed, Typed, shape_of
from backend.prediction.shape_pixels import box_of, stroke_of
from models.types import Box, ImageSize

__all__ = ["around", "chosen_annotation", "submitted", "truths_of"]

Json: TypeAlias = Mapping[str, Any]

#: No image has a longer side, in pixels.
MOST_SIDE = 1_000_000
#: In percent nothing but a turned rectangle needs to know the image's sides.
_PERCENT = ImageSize(100, 100)


def chosen_annotation(annotations: Sequence[AnnotationRow]) -> AnnotationRow | None:
    """The annotation that counts; `None` where none was submitted.

    >>> chosen_annotation([AnnotationRow(id=1), AnnotationRow(id=2, was_cancelled=True)]).id
    1
    """
    return max(submitted(annotations), key=_rank, default=None)


def submitted(annotations: Sequence[AnnotationRow]) -> list[AnnotationRow]:
    """The annotations that people submitted, and did not skip."""
    return [one for one in annotations if not one.was_cancelled]


def truths_of(result: Sequence[Any], troubles: Counter[str]) -> dict[str, Truth]:
    """What a result says of each image, by its name; what cannot be used is counted in `troubles`."""
    boxes: defaultdict[str, list[TrueBox]] = defaultdict(list)
    tags: defaultdict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    sizes: dict[str, ImageSize] = {}
    for region in result:
        match region:
            case {"from_name": str(control), "to_name": str(image), "value": dict(value)}:
                pass
            case _:
                continue  # a relation between regions, which is about no image
        size = _size(region)
        if size is not None:
            sizes.setdefault(image, size)
        if _is_drawn(value):
            boxes[image] += _true_boxes(region, control, value, size, troubles)
        elif "choices" in value or "taxonomy" in value:
            tags[image][control] = frozenset(_paths(value.get("choices") or value.get("taxonomy")))
    return {
        image: Truth(tuple(boxes[image]), sizes.get(image), tags[image])
        for image in {**boxes, **tags, **sizes}
    }


def _rank(annotation: AnnotationRow) -> tuple[bool, str, int]:
    at = annotation.updated_at or annotation.created_at
    return annotation.ground_truth, at, annotation.id or 0


def _true_boxes(
    region: Json, control: str, value: Json, size: ImageSize | None, troubles: Counter[str]
) -> Iterator[TrueBox]:
    """A box for each label of a drawn region; its siblings without labels only repeat the shape."""
    names = next((value[key] for key in value if key.endswith("labels")), None)
    if not isinstance(names, list) or not names:
        return
    try:
        box = around(region, size)
    except BadRequest:
        troubles["regions that cannot be read"] += 1
        return
    if box is None:
        troubles["regions without a box, key points"] += 1
        return
    yield from (TrueBox(str(name), box, control) for name in names)


def around(region: Json, size: ImageSize | None) -> Box | None:
    """The box around a region, in fractions; `None` for a point. Raises `BadRequest`."""
    shape, frame = shape_of(region), size or _PERCENT
    match shape:
        case Pointed() | Typed():
            return None
        case Painted():
            frame = ImageSize(shape.width, shape.height)
            box = stroke_of(shape, frame).box
        case _:
            box = box_of(shape, frame)
    return fractions(box.x_min, box.y_min, box.x_max, box.y_max, frame.width, frame.height)


def _size(region: Json) -> ImageSize | None:
    width, height = region.get("original_width"), region.get("original_height")
    sides = [side for side in (width, height) if isinstance(side, int | float)]
    if len(sides) == 2 and all(1 <= side <= MOST_SIDE for side in sides):
        return ImageSize(round(sides[0]), round(sides[1]))
    return None


def _is_drawn(value: Json) -> bool:
    """Whether it is a region of the image. What is said per region repeats its shape."""
    return not {"x", "points", "rle"}.isdisjoint(value)


def _paths(chosen: object) -> Iterator[str]:
    """Choices by value, those of a tree by their path."""
    for one in chosen if isinstance(chosen, list) else [chosen]:
        yield " > ".join(map(str, one)) if isinstance(one, list) else str(one)
