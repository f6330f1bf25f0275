"""What is marked in one image, and what is said of the whole of it, as results in Label Studio have it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backend.errors import BadRequest
from backend.label_config.control_tags import ObjectTag
from backend.label_studio.records import TaskRow
from backend.prediction.read_regions import Choices, ReadRegion, read_regions
from backend.prediction.region_shapes import KeyPoint, Shape
from backend.vectors.records import SaidOfImage, Source
from models.types import ImageSize

__all__ = ["MOST_REGIONS", "Found", "Marked", "marks_in", "marks_of_task"]

#: Regions of one image that are indexed, the first: of each its crop goes through the model.
MOST_REGIONS = 200


@dataclass(frozen=True, slots=True)
class Marked:
    """A region with a place: its shape in percent of the image."""

    source: Source
    result: int | None
    region: str
    control: str
    label: str
    score: float | None
    shape: Shape


@dataclass(frozen=True, slots=True)
class Found:
    """What results have of one image."""

    marks: tuple[Marked, ...] = ()
    said: tuple[SaidOfImage, ...] = ()
    #: The image's, as one of its regions has it.
    size: ImageSize | None = None

    def __add__(self, other: Found) -> Found:
        return Found(
            (*self.marks, *other.marks)[:MOST_REGIONS],
            (*self.said, *other.said),
            self.size or other.size,
        )


def marks_in(
    result: Iterable[object], image: ObjectTag, source: Source, number: int | None
) -> Found:
    """What a result has of one image. Entries of one region share its id: the one with a label counts."""
    regions = [one for one in read_regions(result) if _is_of(one, image)]
    drawn: dict[str, ReadRegion] = {}
    said = []
    for place, one in enumerate(regions):
        if one.is_drawn:
            name = one.id or f"#{place}"
            if name not in drawn or (one.labels and not drawn[name].labels):
                drawn[name] = one
        elif isinstance(one.said, Choices):
            said += [
                SaidOfImage(one.from_name, " > ".join(path), source, number)
                for path in one.said.paths
            ]
    marks = (_marked(one, source, number) for one in drawn.values())
    size = next((one.size for one in regions if one.size is not None), None)
    return Found(
        tuple(mark for mark in marks if mark is not None)[:MOST_REGIONS], tuple(said), size
    )


def marks_of_task(task: TaskRow, image: ObjectTag, shown: str) -> Found | None:
    """What people marked in an image of a task; where nobody submitted anything, what is predicted.

    That is the newest stored prediction of the version `shown`, or of any where it is empty. `None` where there is none.
    """
    submitted = [one for one in task.annotations if not one.was_cancelled]
    if submitted:
        found = Found()
        for annotation in submitted:
            found += marks_in(annotation.result or (), image, "annotation", annotation.id)
        return found
    rows = [row for row in task.predictions if not shown or row.model_version == shown]
    if not rows:
        return None
    newest = max(rows, key=lambda row: row.id)
    return marks_in(newest.result or (), image, "prediction", newest.id)


def _is_of(region: ReadRegion, image: ObjectTag) -> bool:
    return region.to_name == image.name and region.page == (image.item_index or 0)


def _marked(region: ReadRegion, source: Source, number: int | None) -> Marked | None:
    """`None` for what has no area, or a place that cannot be read."""
    try:
        shape = region.shape
    except BadRequest:
        return None
    if shape is None or isinstance(shape, KeyPoint):
        return None
    label = region.labels[0] if region.labels else ""
    score = None if source == "annotation" else region.score
    return Marked(source, number, region.id, region.from_name, label, score, shape)
