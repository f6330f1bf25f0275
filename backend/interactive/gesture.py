"""`params.context` of an interactive request -> what the person just drew, pointed at or typed. Pure.

Label Studio sends the regions that were drawn with the same smart tag and label and whose suggestions
are not yet accepted, the new one last, in percent of the image. It shows the new suggestions in place of
those before, and on accepting removes all that was drawn: so each of them is asked about, again. Key
points are one gesture together: those with `is_positive: false` point at what it is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from backend.errors import BadRequest
from backend.label_config.control_tags import LabelConfig
from backend.prediction.read_regions import ReadRegion, TextArea, read_region
from backend.prediction.region_shapes import Brush, Ellipse, KeyPoint, Polygon, Rectangle
from models.types import Point

__all__ = ["Gesture", "Pointed", "Typed", "asked_in", "gestures_of", "regions_of"]

#: Regions that are asked about at once.
MOST_GESTURES = 20


@dataclass(frozen=True, slots=True)
class Pointed:
    """Where the thing is, in percent, and where it is not; `at` is `None` where nothing says."""

    at: Point | None
    avoided: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Typed:
    """Text of a prompt, as it was typed."""

    text: str


Drawn: TypeAlias = Rectangle | Ellipse | Polygon | Brush | Pointed | Typed


@dataclass(frozen=True, slots=True)
class Gesture:
    """`labels` are those the person chose before drawing; empty: none."""

    region_id: str
    from_name: str
    to_name: str
    shape: Drawn
    labels: tuple[str, ...] = ()
    #: Page of an image that has several, from 0.
    page: int = 0


def regions_of(context: Mapping[str, Any]) -> list[ReadRegion]:
    """The regions of a context. Raises `BadRequest` for one that Label Studio does not send."""
    result = context.get("result")
    if not isinstance(result, list):
        raise BadRequest(
            "expected params.context with a list of regions under result, "
            f"got {type(result).__name__}"
        )
    read = []
    for entry in result:
        region = read_region(entry)
        if region is None:
            raise BadRequest(f"expected regions with a value in params.context, got {entry!r:.80}")
        if isinstance(region, ReadRegion):
            read.append(region)
    return read


def asked_in(regions: Sequence[ReadRegion], config: LabelConfig) -> list[ReadRegion]:
    """The regions without those that ask nothing: choices about the whole image, notes, other texts.

    Every tag of the label config that is not `smart="false"` makes the editor send all of those there are,
    whatever it was that changed. A prompt asks as long as it has text.
    """
    prompts = {prompt.name for prompt in config.prompts}
    typed = [one for one in regions if one.from_name in prompts and _has_text(one)]
    return typed or [
        one
        for one in regions
        if one.is_drawn
        or (not config.notes and one.from_name not in prompts and one.kind == "textarea")
    ]


def gestures_of(regions: Sequence[ReadRegion]) -> tuple[Gesture, ...]:
    """What was drawn with the tag of the last region that is no prediction's, the new one last.

    Empty where nothing is left of it; at most the last 20. Raises `BadRequest` for a new region that cannot
    be; an older one of that kind is passed over.
    """
    by_id: dict[str, list[ReadRegion]] = {}
    for one in regions:
        if not one.origin.startswith("prediction"):
            by_id.setdefault(one.id, []).append(one)
    if not by_id:
        return ()
    *older, new = (_main_entry(entries) for entries in by_id.values())
    last = _gesture(new, by_id[new.id])
    # What was drawn on another page is asked about when that page is drawn on.
    same_tag = [one for one in older if (one.from_name, one.page) == (new.from_name, new.page)]
    if isinstance(last.shape, Pointed):
        return (replace(last, shape=_pointed([*same_tag, new])),)
    if isinstance(last.shape, Typed):
        return (last,)
    found = []
    for one in same_tag[1 - MOST_GESTURES :]:
        with suppress(BadRequest):
            found.append(_gesture(one, by_id[one.id]))
    return (*(one for one in found if not isinstance(one.shape, Pointed | Typed)), last)


def _main_entry(entries: Sequence[ReadRegion]) -> ReadRegion:
    """The entry of a region that says most: what is per region comes after its shape and labels."""
    return next((one for one in entries if one.labels), entries[0])


def _has_text(region: ReadRegion) -> bool:
    said = region.said
    return isinstance(said, TextArea) and bool(said.texts)


def _gesture(region: ReadRegion, entries: Sequence[ReadRegion]) -> Gesture:
    if region.turned not in (None, 0):
        raise BadRequest(
            "expected an image that is not turned, got image_rotation "
            f"{region.turned!r:.20}; turn it back to use smart tools"
        )
    for key in ("id", "from_name", "to_name"):
        if not getattr(region, key):
            raise BadRequest(f"expected a region with {key} in params.context, got none")
    return Gesture(
        region_id=region.id,
        from_name=region.from_name,
        to_name=region.to_name,
        shape=_drawn(region),
        page=region.page,
        labels=tuple(dict.fromkeys(label for one in entries for label in one.labels)),
    )


def _drawn(region: ReadRegion) -> Drawn:
    shape = region.shape
    match shape:
        case KeyPoint():
            return _pointed([region])
        case None:
            said = region.said
            if isinstance(said, TextArea):
                if said.texts:
                    return Typed(said.texts[-1])
                raise BadRequest("expected a list of texts of a prompt, got none")
            raise BadRequest(
                "expected a region that was drawn with a smart tool, or the text of a prompt, got "
                f"{region.kind!r:.40} of {region.from_name!r:.60}; remove smart from that tag"
            )
        case _:
            return shape


def _pointed(regions: Sequence[ReadRegion]) -> Pointed:
    """The last point that is positive, and all that are not."""
    shapes = [region.shape for region in regions]
    points = [shape for shape in shapes if isinstance(shape, KeyPoint)]
    at = [point.at for point in points if point.positive]
    avoided = dict.fromkeys(point.at for point in points if not point.positive)
    return Pointed(at[-1] if at else None, tuple(avoided))
