"""Suggestions beside what is there already: each thing once. Pure.

A region repeats another of the same tag and label when the boxes around them overlap by an IoU of more
than 0.9. What Label Studio sends along was stored some seconds ago, and its owner may have deleted it since:
so a repeat is suggested as it stands there, under the id that it has. On accepting, the editor puts a
region in the place of the one with its id: what is there stays as it is, what was deleted is back, and
nothing is there twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from backend.errors import BadRequest, InvalidPrediction
from backend.interactive.gesture import Gesture
from backend.label_studio.bodies import Region, Task
from backend.prediction.read_regions import ReadRegion, read_regions
from backend.prediction.region_checks import validate_regions
from backend.prediction.region_shapes import KeyPoint
from backend.prediction.shape_pixels import box_of
from models.boxes import iou
from models.types import Box, ImageSize

__all__ = ["Fate", "Placed", "on_screen", "placed"]

MOST_IOU = 0.9
#: What is drawn around something that is there, with the same label, is meant to mend it.
MENDED_IOU = 0.5
#: Half the side of the box that a key point stands for, in percent.
POINT = 0.5
#: Boxes are compared in percent: how much they overlap does not depend on the image's sides.
_PERCENT = ImageSize(100, 100)


class Fate(Enum):
    """What a suggestion is beside what is there."""

    NEW = "new"
    #: It stands there already, unless that was deleted just now.
    THERE = "there"
    #: It is to take the place of what stands there.
    BETTER = "better"


@dataclass(frozen=True, slots=True)
class Placed:
    """Suggestions, and what becomes of each thing of the first tag among them."""

    regions: tuple[Region, ...] = ()
    fates: tuple[Fate, ...] = ()


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a region with a label lies, in percent of its image."""

    from_name: str
    to_name: str
    page: int
    label: str
    box: Box


def on_screen(
    new: Gesture, asked: Sequence[ReadRegion], task: Task, version: str
) -> list[ReadRegion]:
    """The regions that the person has before them, as far as is known, but for what they just drew.

    `asked`, of the context, are all that have the tag and the label of a new shape. The others are those of
    the last draft; without one of the predictions of `version`. What cannot be read is passed over.
    """
    if task.drafts:
        stored = read_regions(task.drafts[-1].result or ())
    else:
        rows = [row.result or () for row in task.predictions if row.model_version == version]
        stored = read_regions(_predicted(entry) for row in rows for entry in row)
    left_out = {one.id for one in asked} | {new.region_id}
    left_out |= {one.id for one in stored if _is_like(new, one)}
    return [
        *(one for one in asked if one.id != new.region_id),
        *(one for one in stored if one.id not in left_out),
    ]


def placed(
    suggested: Sequence[Region],
    there: Iterable[ReadRegion],
    before: Sequence[Region] = (),
    *,
    mends: bool = False,
) -> Placed:
    """The suggestions beside what is there, and `before` them in the same answer.

    With `mends` one that overlaps with what is there by an IoU of at least 0.5 takes its place.
    """
    known = _by_id(there)
    marks = [(key, mark) for key, group in known.items() for mark in _marks(group)]
    earlier = list(_marks(read_regions(before)))
    used = {region["id"] for region in before}
    regions: list[Region] = []
    fates: list[Fate] = []
    groups = _by_id(read_regions(suggested))
    first = next((group[0].from_name for group in groups.values()), None)
    for key, group in groups.items():
        fate, chosen = Fate.NEW, [one.entry for one in group]
        own = list(_marks(group))
        near = max(
            (
                (1.0 if other == key and not mends else iou(mark.box, place.box), other)
                for mark in own
                for other, place in marks
                if other not in used and _alike(mark, place)
            ),
            default=(0.0, ""),
        )
        if any(_repeats(mark, other) for mark in own for other in earlier):
            fate, chosen = Fate.THERE, []
        elif mends and near[0] >= MENDED_IOU and not _same_place(own, known[near[1]]):
            fate, chosen = Fate.BETTER, [{**one, "id": near[1]} for one in chosen]
        elif near[0] > MOST_IOU:
            fate, chosen = Fate.THERE, _as_it_stands(known[near[1]])
        elif key in used or key in known:
            chosen = [{**one, "id": f"{key}+"} for one in chosen]
        used |= {one["id"] for one in chosen}
        regions += chosen
        if group[0].from_name == first:
            fates.append(fate)
    return Placed(tuple(regions), tuple(fates))


def _predicted(entry: object) -> object:
    """An entry of a prediction says so to the editor."""
    return {"origin": "prediction", **entry} if isinstance(entry, dict) else entry


def _is_like(new: Gesture, region: ReadRegion) -> bool:
    return region.from_name == new.from_name and not set(new.labels).isdisjoint(region.labels)


def _same_place(own: Iterable[_Mark], regions: Iterable[ReadRegion]) -> bool:
    return any(_repeats(mark, other) for mark in own for other in _marks(regions))


def _as_it_stands(regions: Iterable[ReadRegion]) -> list[Region]:
    """What is stored of one region; nothing where the editor could not open it."""
    found = [one.entry for one in regions]
    try:
        validate_regions(found)
    except (InvalidPrediction, KeyError, TypeError):
        return []
    return found


def _by_id(regions: Iterable[ReadRegion]) -> dict[str, list[ReadRegion]]:
    found: dict[str, list[ReadRegion]] = {}
    for region in regions:
        if region.id:
            found.setdefault(region.id, []).append(region)
    return found


def _marks(regions: Iterable[ReadRegion]) -> Iterator[_Mark]:
    for region in regions:
        box = _box(region) if region.labels else None
        if box is not None:
            names = region.from_name, region.to_name
            yield from (_Mark(*names, region.page, label, box) for label in region.labels)


def _box(region: ReadRegion) -> Box | None:
    try:
        shape = region.shape
        if isinstance(shape, KeyPoint):
            x, y = shape.at
            return Box(x - POINT, y - POINT, x + POINT, y + POINT)
        return None if shape is None else box_of(shape, _PERCENT)
    except BadRequest:
        return None


def _alike(one: _Mark, other: _Mark) -> bool:
    return replace(one, box=other.box) == other


def _repeats(one: _Mark, other: _Mark) -> bool:
    return _alike(one, other) and iou(one.box, other.box) > MOST_IOU
