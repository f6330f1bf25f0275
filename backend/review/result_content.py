"""What the `result` of a prediction or an annotation holds, so that two can be compared. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from backend.errors import BadRequest
from backend.prediction.read_regions import (
    Choices,
    Number,
    ReadRegion,
    Said,
    TextArea,
    read_regions,
)
from backend.prediction.region_shapes import KeyPoint, Rectangle
from backend.prediction.shape_pixels import box_of
from models.boxes import iou
from models.types import Box, ImageSize

__all__ = ["Content", "DrawnThing", "Statement", "content_of", "distance", "overlap"]

#: In percent, nothing but a turned rectangle needs to know the image's sides.
_PERCENT = ImageSize(100, 100)
#: Key points count as in the same place up to so much of each side, in percent.
_NEAR_PCT = 2.0


@dataclass(frozen=True)
class DrawnThing:
    """A region with its labels, which may stand in an entry of their own under the same id.

    `control` is the tag that the labels are of; several labels of one thing are one text.
    """

    id: str
    control: str
    label: str
    score: float | None
    drawn: ReadRegion = field(repr=False)
    origins: frozenset[str] = frozenset()
    #: The label that thresholds are about: a learned head may show another one.
    predicted_label: str = ""

    @property
    def place(self) -> tuple[str, int]:
        """The image it is in: its tag's name, and the page."""
        return self.drawn.to_name, self.drawn.page

    @property
    def raw_score(self) -> float | None:
        """Its score before it was calibrated, which thresholds are about."""
        return self.drawn.raw_score

    @cached_property
    def box(self) -> Box | None:
        """The box around it in percent of the image; `None` for a key point and what cannot be read."""
        size = self.drawn.size or _PERCENT
        try:
            shape = self.drawn.shape
            if shape is None or isinstance(shape, KeyPoint):
                return None
            if not isinstance(shape, Rectangle) or shape.rotation == 0:
                size = _PERCENT
            box = box_of(shape, size)
        except BadRequest:
            return None
        across, down = 100 / size.width, 100 / size.height
        return Box(box.x_min * across, box.y_min * down, box.x_max * across, box.y_max * down)

    @cached_property
    def point(self) -> KeyPoint | None:
        """The key point that it is, if it is one."""
        try:
            shape = self.drawn.shape
        except BadRequest:
            return None
        return shape if isinstance(shape, KeyPoint) else None


@dataclass(frozen=True, slots=True)
class Statement:
    """What one tag says of an image, or of the thing with that id."""

    control: str
    kind: str
    values: tuple[str, ...]
    score: float | None


@dataclass(frozen=True, slots=True)
class Content:
    """Things by id, and statements by what they are about and their tag.

    `unnamed` things have no id, as in other tools' predictions; the editor gives them one. `origins` are
    all that the entries name.
    """

    things: Mapping[str, DrawnThing]
    unnamed: Sequence[DrawnThing]
    statements: Mapping[tuple[str, int, str, str], Statement]
    origins: frozenset[str]

    @property
    def all_things(self) -> list[DrawnThing]:
        return [*self.things.values(), *self.unnamed]


def content_of(result: Iterable[object]) -> Content:
    """What these entries hold; those that are no regions are left out."""
    regions = read_regions(result)
    by_id: dict[str, list[ReadRegion]] = {}
    unnamed: list[DrawnThing] = []
    for region in regions:
        if region.id:
            by_id.setdefault(region.id, []).append(region)
        elif region.is_drawn:
            unnamed.append(_thing([region]))
    things = {
        name: _thing(entries)
        for name, entries in by_id.items()
        if any(entry.is_drawn for entry in entries)
    }
    statements = {}
    for region in regions:
        said = region.said
        if said is not None and (values := _values(said)):
            about = region.id if region.id in things else ""
            key = (region.to_name, region.page, about, region.from_name)
            statements[key] = Statement(region.from_name, _kind(said), values, region.score)
    return Content(things, unnamed, statements, frozenset(region.origin for region in regions))


def overlap(one: DrawnThing, other: DrawnThing) -> float | None:
    """How much two things are in the same place, 0..1; `None` where that cannot be told.

    Two key points are in one place or not. Equal geometry is not looked into: a mask takes long to read.
    """
    if one.place != other.place:
        return 0.0
    if _geometry(one) == _geometry(other):
        return 1.0
    if one.point is not None and other.point is not None:
        return 1.0 if distance(one, other) <= _NEAR_PCT else 0.0
    return None if one.box is None or other.box is None else iou(one.box, other.box)


def distance(one: DrawnThing, other: DrawnThing) -> float:
    """How far apart two key points are in percent of a side, the longer way; 0 for other shapes."""
    if one.point is None or other.point is None:
        return 0.0
    return max(abs(a - b) for a, b in zip(one.point.at, other.point.at, strict=True))


def _thing(entries: Sequence[ReadRegion]) -> DrawnThing:
    """Of one id: what is said per region repeats the geometry, and comes behind the region."""
    drawn = next(entry for entry in entries if entry.is_drawn)
    labelled = next((entry for entry in entries if entry.labels), drawn)
    label = ", ".join(sorted({label for entry in entries for label in entry.labels}))
    predicted = labelled.predicted_labels
    return DrawnThing(
        id=drawn.id,
        control=labelled.from_name,
        label=label,
        score=drawn.score,
        drawn=drawn,
        origins=frozenset(entry.origin for entry in entries),
        predicted_label=label if predicted == labelled.labels else ", ".join(predicted),
    )


def _geometry(thing: DrawnThing) -> Mapping[str, object]:
    value = thing.drawn.entry["value"]
    keys = ("x", "y", "width", "height", "radiusX", "radiusY", "rotation", "points", "rle")
    return {key: value[key] for key in keys if value.get(key)}


def _kind(said: Said) -> str:
    match said:
        case Choices():
            return "choice"
        case Number():
            return "number"
        case TextArea():
            return "text"


def _values(said: Said) -> tuple[str, ...]:
    """Choices in any order are the same; blanks at the ends of a text do not count."""
    match said:
        case Choices(paths=paths):
            return tuple(sorted(" > ".join(path) for path in paths))
        case Number(value=value):
            return (str(value),)
        case TextArea(texts=texts):
            return tuple(text for one in texts if (text := one.strip()))
