"""What was drawn or pointed at -> the thing that is meant by it, and its label. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from backend.interactive.agreement import agreeing, holding, painted_over
from backend.interactive.gesture import Gesture, Pointed, Typed
from backend.interactive.targets import labels_of_tags
from backend.label_config.control_tags import Label, RegionTag, Shape
from backend.prediction.region_shapes import Brush, Polygon
from backend.prediction.shape_pixels import box_of, in_pixels, outline_of, stroke_of
from backend.prediction.step import Step
from models.queries import Query
from models.types import Box, Classification, Detection, Detections, ImageSize, ModelOutput

__all__ = ["Meant", "best_label", "meant_by"]


@dataclass(frozen=True, slots=True)
class Meant:
    """`label` is `None` where nobody has said yet what the drawn box holds."""

    detection: Detection
    label: Label | None
    #: The outline that was drawn, if one was.
    outline: Detections | None = None

    @property
    def label_value(self) -> str:
        """What its regions carry; empty as long as it has no label."""
        return self.label.value if self.label is not None else ""

    def called(self, label: Label) -> Meant:
        """The same with a label. Nobody measured how sure it is, so there is no score."""
        return replace(
            self, detection=replace(self.detection, phrase=label.phrases[0]), label=label
        )

    def reading(self, text: str) -> Meant:
        """The same with a text that was read there."""
        return replace(self, detection=replace(self.detection, phrase=text))


def meant_by(
    gesture: Gesture,
    tags: Sequence[Step],
    outputs: Mapping[Query, ModelOutput],
    size: ImageSize,
) -> Meant | None:
    """The detection that a drawn gesture means, or what was drawn itself; `None`: nothing is there.

    `outputs` answer the tags' steps, for an image of `size`. Raises `BadRequest` for what cannot be
    drawn.
    """
    # A tag that is only to point with may have labels of its own, which say nothing.
    known = {label.value for label in labels_of_tags(tags)}
    chosen = [label for label in gesture.labels if label in known]
    labels = _labelled(tags, outputs, chosen)
    shape = gesture.shape
    match shape:
        case Pointed(at=at, avoided=avoided):
            points = [in_pixels(point, size) for point in avoided]
            found = holding(in_pixels(at, size), points, labels) if at is not None else None
            return Meant(found, labels[found]) if found is not None else None
        case Brush():
            stroke = stroke_of(shape, size)
            found, box = painted_over(stroke, labels), stroke.box
            outline = None if _has_polygons(tags) else stroke.outlines
        case Typed():
            raise TypeError("expected something drawn, got text")
        case _:
            box = box_of(shape, size)
            found = agreeing(box, labels)
            outline = outline_of(shape, size) if isinstance(shape, Polygon) else None
    if found is not None:
        return Meant(found, labels[found], outline)
    return _as_drawn(box, tags, chosen, outline)


def best_label(labels: Sequence[Label], told: Classification) -> Label:
    """The label that a crop shows: the phrases of one are exclusive, so their probabilities add up."""
    likely = dict(zip(told.candidates, told.probabilities, strict=True))
    return max(labels, key=lambda label: sum(likely[phrase] for phrase in label.phrases))


def _labelled(
    tags: Sequence[Step], outputs: Mapping[Query, ModelOutput], chosen: Sequence[str]
) -> dict[Detection, Label]:
    """What was found for the chosen labels, or for all, with the label of each."""
    found: dict[Detection, Label] = {}
    for tag in tags:
        output = outputs.get(tag.boxes)
        for detection in output.items if isinstance(output, Detections) else ():
            label = tag.label_for(detection.phrase)
            if label is not None and (not chosen or label.value in chosen):
                found.setdefault(detection, label)
    return found


def _as_drawn(
    box: Box, tags: Sequence[Step], chosen: Sequence[str], outline: Detections | None
) -> Meant:
    labels = labels_of_tags(tags)
    named = next((label for label in labels if label.value in chosen), None)
    meant = Meant(Detection(box, "", None), None, outline)
    if isinstance(tags[0].control, RegionTag) and tags[0].control.is_ocr:
        return replace(meant, label=labels[0])
    return meant if named is None else meant.called(named)


def _has_polygons(tags: Sequence[Step]) -> bool:
    return any(
        isinstance(tag.control, RegionTag) and tag.control.shape is Shape.POLYGON for tag in tags
    )
