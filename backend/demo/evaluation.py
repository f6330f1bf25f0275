"""How well stored predictions match what is known to be in the images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from backend.plain import Json
from backend.prediction.read_regions import Choices, read_regions
from backend.prediction.region_shapes import Rectangle
from backend.prediction.shape_pixels import box_of
from models.measures import Counts, count_boxes
from models.types import Box, Detection, ImageSize

__all__ = ["Labelled", "Tally", "Truth", "boxes_of", "choices_of", "compare"]

IOU_LEAST = 0.5


@dataclass(frozen=True, slots=True)
class Labelled:
    """A box in pixels, and what it is."""

    label: str
    box: Box


@dataclass(frozen=True, slots=True)
class Truth:
    """What one image shows."""

    size: ImageSize
    boxes: tuple[Labelled, ...]
    tag: str


@dataclass(slots=True)
class Tally:
    """Counts over all tasks seen so far; boxes match at an IoU of 0.5."""

    predicted_tasks: int = 0
    boxes: Counts = field(default_factory=Counts)
    tags: int = 0
    tags_right: int = 0
    tasks: int = 0

    @property
    def tag_accuracy(self) -> float:
        """Tasks with the right tag, of all tasks, in 0..1."""
        return self.tags_right / self.tasks if self.tasks else 0.0


def compare(pairs: Iterable[tuple[Truth, Json | None]]) -> Tally:
    """Counts over pairs of truth and stored prediction; `None` for a task that got none."""
    tally = Tally()
    for truth, prediction in pairs:
        tally.tasks += 1
        found, tags = [], []
        if prediction is not None:
            tally.predicted_tasks += 1
            found, tags = boxes_of(prediction, truth.size), choices_of(prediction)
        things = [(one.label, one.box) for one in truth.boxes]
        tally.boxes += count_boxes(found, things, least_iou=IOU_LEAST)
        tally.tags += len(tags)
        tally.tags_right += tags == [truth.tag]
    return tally


def boxes_of(prediction: Json, size: ImageSize) -> list[Detection]:
    """The prediction's rectangles in pixels, each with its label."""
    return [
        Detection(box_of(shape, size), region.labels[0], region.score)
        for region in read_regions(prediction["result"])
        if region.labels and isinstance(shape := region.shape, Rectangle)
    ]


def choices_of(prediction: Json) -> list[str]:
    """The choices that the prediction ticks."""
    said = [region.said for region in read_regions(prediction["result"])]
    return [" > ".join(path) for one in said if isinstance(one, Choices) for path in one.paths]
