"""Suggestions beside what is there already: each thing once. Pure.

A region repeats another of the same tag and label when the boxes around them overlap by an IoU of more
than 0.9. What Label Studio sends along was stored some seconds ago, and its owner may have deleted it since:
so a repeat is suggested as it stands there, under the id that it has. On accepting, the editor puts a
region in the place of the one with its id: what is there stays as it is, what was deleted is back, and
nothing is there twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from backend.errors import BadRequest, InvalidPrediction
from backend.interactive.drawn import Painted, Pointed, Typed, shape_of
from backend.interactive.gesture import Gesture, page_of
from backend.interactive.touched import box_of, stroke_of
from backend.label_studio.bodies import Region
from backend.prediction.read_regions import labels_of
from backend.prediction.region_checks import validate_regions
from models.boxes import iou
from models.types import Box, ImageSize, Point

__all__ = ["Fate", "Placed", "on_screen", "placed"]

Json: TypeAlias = Mapping[str, Any]

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
    new: Gesture, context: Json, predictions: object, drafts: object, version: str
) -> list[Json]:
    """The regions that the person has before them, as far as is known, but for what they just drew.

    The context holds all that have the tag and the label of a new shape. The others are those of the last
    draft; without one of the predictions of `version`. Both are as Label Studio sends them with the task;
    what cannot be read is passed over.
    """
    sure = [one for one in context["result"] if isinstance(one, Mapping)]
    rows = _rows(drafts)[-1:]
    if not rows:
        rows = [
            {**row, "origin": "prediction"}
            for row in _rows(predictions)
            if row.get("model_version") == version
        ]
    stored = [
        {"origin": row["origin"], **one} if "origin" in row else one
        for row in rows
        for one in _rows(row.get("result"))
    ]
    left_out = {str(one.get("id")) for one in sure} | {new.region_id}
    left_out |= {str(one.get("id")) for one in stored if _is_like(new, one)}
    return [
        *(one for one in sure if one.get("id") != new.region_id),
        *(one for one in stored if str(one.get("id")) not in left_out),
    ]


def placed(
    suggested: Sequence[Region],
    there: Iterable[Json],
    before: Sequence[Region] = (),
    *,
    mends: bool = False,
) -> Placed:
    """The suggestions beside what is there, and `before` them in the same answer.

    With `mends` one that overlaps with what is there by an IoU of at least 0.5 takes its place.
    """
    entries = _by_id(there)
    marks = [(key, mark) for key, group in entries.items() for mark in _marks(group)]
    earlier = list(_marks(before))
    used = {region["id"] for region in before}
    regions: list[Region] = []
    fates: list[Fate] = []
    groups = _by_id(suggested)
    first = next((group[0].get("from_name") for group in groups.values()), None)
    for key, group in groups.items():
        fate, chosen = Fate.NEW, [dict(one) for one in group]
        own = list(_marks(group))
        near = max(
            (
                (1.0 if other == key and not mends else iou(mark.box, known.box), other)
                for mark in own
                for other, known in marks
                if other not in used and _alike(mark, known)
            ),
            default=(0.0, ""),
        )
        if any(_repeats(mark, other) for mark in own for other in earlier):
            fate, chosen = Fate.THERE, []
        elif mends and near[0] >= MENDED_IOU and not _same_place(own, entries[near[1]]):
            fate, chosen = Fate.BETTER, [{**one, "id": near[1]} for one in chosen]
        elif near[0] > MOST_IOU:
            fate, chosen = Fate.THERE, _as_it_stands(entries[near[1]])
        elif key in used or key in entries:
            chosen = [{**one, "id": f"{key}+"} for one in chosen]
        used |= {one["id"] for one in chosen}
        regions += chosen
        if group[0].get("from_name") == first:
            fates.append(fate)
    return Placed(tuple(regions), tuple(fates))


def _is_like(new: Gesture, region: Json) -> bool:
    if region.get("from_name") != new.from_name or not isinstance(region.get("value"), Mapping):
        return False
    return any(label in new.labels for label in labels_of(region))


def _same_place(own: Iterable[_Mark], entries: Sequence[Json]) -> bool:
    return any(_repeats(mark, other) for mark in own for other in _marks(entries))


def _as_it_stands(entries: Sequence[Json]) -> list[Region]:
    """What is stored of one region; nothing where the editor could not open it."""
    found = [dict(one) for one in entries]
    try:
        validate_regions(found)
    except (InvalidPrediction, KeyError, TypeError):
        return []
    return found


def _by_id(regions: Iterable[Json]) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for region in regions:
        if isinstance(region.get("id"), str):
            found.setdefault(region["id"], []).append(region)
    return found


def _rows(rows: object) -> list[Json]:
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _marks(regions: Iterable[Json]) -> Iterator[_Mark]:
    for region in regions:
        if not isinstance(region.get("value"), Mapping):
            continue
        box = _box(region)
        if box is not None:
            names = str(region.get("from_name")), str(region.get("to_name"))
            yield from (_Mark(*names, page_of(region), label, box) for label in labels_of(region))


def _box(region: Json) -> Box | None:
    try:
        match shape := shape_of(region):
            case Typed():
                return None
            case Pointed(at=at):
                return None if at is None else _around(at)
            case Painted():
                return stroke_of(shape, _PERCENT).box
            case _:
                return box_of(shape, _PERCENT)
    except BadRequest:
        return None


def _around(point: Point) -> Box:
    x, y = point
    return Box(x - POINT, y - POINT, x + POINT, y + POINT)


def _alike(one: _Mark, other: _Mark) -> bool:
    return (one.label, one.from_name, one.to_name, one.page) == (
        other.label,
        other.from_name,
        other.to_name,
        other.page,
    )


def _repeats(one: _Mark, other: _Mark) -> bool:
    return _alike(one, other) and iou(one.box, other.box) > MOST_IOU
