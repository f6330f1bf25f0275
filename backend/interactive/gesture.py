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

from backend.errors import BadRequest
from backend.interactive.drawn import Json, Pointed, Shape, Typed, pointed_by, shape_of
from backend.label_config.control_tags import LabelConfig
from backend.prediction.read_regions import labels_of

__all__ = ["Gesture", "asked_in", "gestures_of", "page_of"]

#: Regions that are asked about at once.
MOST_GESTURES = 20


@dataclass(frozen=True, slots=True)
class Gesture:
    """`labels` are those the person chose before drawing; empty: none."""

    region_id: str
    from_name: str
    to_name: str
    shape: Shape
    labels: tuple[str, ...] = ()
    #: Page of an image that has several, from 0.
    page: int = 0


def asked_in(context: Json, config: LabelConfig) -> Json:
    """The context without what asks nothing: choices and the like about the whole image, notes, other texts.

    Every tag of the label config that is not `smart="false"` makes the editor send all of those there are,
    whatever it was that changed. A prompt asks as long as it has text.
    """
    result = context.get("result")
    if not isinstance(result, list):
        return context
    prompts = {prompt.name for prompt in config.prompts}
    notes = {note.name for note in config.notes}

    def is_typed(one: object) -> bool:
        value = one.get("value") if isinstance(one, Mapping) else None
        return isinstance(value, Mapping) and bool(value.get("text")) and _name_of(one) in prompts

    def asks(one: object) -> bool:
        if not isinstance(one, Mapping) or not isinstance(one.get("value"), Mapping):
            return True
        if one["value"].keys() & {"x", "points", "rle"}:
            return True
        name = _name_of(one)
        return not notes and name not in prompts and one.get("type") == "textarea"

    typed = [one for one in result if is_typed(one)]
    return {**context, "result": typed or [one for one in result if asks(one)]}


def _name_of(region: object) -> object:
    return region.get("from_name") if isinstance(region, Mapping) else None


def gestures_of(context: Json) -> tuple[Gesture, ...]:
    """What was drawn with the tag of the last region that is no prediction's, the new one last.

    Empty where nothing is left of it; at most the last 20. Raises `BadRequest` for a context that Label
    Studio does not send, or a new region that cannot be; an older one of that kind is passed over.
    """
    regions = _regions_of(context)
    drawn = [one for one in regions if not str(one.get("origin", "")).startswith("prediction")]
    by_id: dict[str, list[Json]] = {}
    for one in drawn:
        by_id.setdefault(str(one.get("id")), []).append(one)
    if not by_id:
        return ()
    *older, new = (_main_entry(entries) for entries in by_id.values())
    last = _gesture(new, by_id[str(new.get("id"))])
    # What was drawn on another page is asked about when that page is drawn on.
    same_tag = [
        one
        for one in older
        if one.get("from_name") == new.get("from_name") and page_of(one) == last.page
    ]
    if isinstance(last.shape, Pointed):
        return (replace(last, shape=pointed_by([*same_tag, new])),)
    if isinstance(last.shape, Typed):
        return (last,)
    found = []
    for one in same_tag[1 - MOST_GESTURES :]:
        with suppress(BadRequest):
            found.append(_gesture(one, by_id[str(one.get("id"))]))
    return (*(one for one in found if not isinstance(one.shape, Pointed | Typed)), last)


def _main_entry(entries: Sequence[Json]) -> Json:
    """The entry of a region that says most: what is per region comes after its shape and labels."""
    return next((one for one in entries if labels_of(one)), entries[0])


def _gesture(region: Json, entries: Sequence[Json]) -> Gesture:
    if region.get("image_rotation") not in (None, 0):
        raise BadRequest(
            "expected an image that is not turned, got image_rotation "
            f"{region['image_rotation']!r:.20}; turn it back to use smart tools"
        )
    return Gesture(
        region_id=_name(region, "id"),
        from_name=_name(region, "from_name"),
        to_name=_name(region, "to_name"),
        shape=shape_of(region),
        page=page_of(region),
        labels=tuple(dict.fromkeys(label for one in entries for label in labels_of(one))),
    )


def _regions_of(context: Json) -> list[Json]:
    """The regions of a context. Raises `BadRequest` where it has none to be read."""
    result = context.get("result")
    if not isinstance(result, list):
        raise BadRequest(
            "expected params.context with a list of regions under result, "
            f"got {type(result).__name__}"
        )
    for region in result:
        if not isinstance(region, Mapping) or not isinstance(region.get("value"), Mapping):
            raise BadRequest(f"expected regions with a value in params.context, got {region!r:.80}")
    return result


def page_of(region: Json) -> int:
    """The page that a region is on; 0 where its image has no pages."""
    page = region.get("item_index")
    return page if isinstance(page, int) and not isinstance(page, bool) else 0


def _name(region: Json, key: str) -> str:
    name = region.get(key)
    if not isinstance(name, str) or not name:
        raise BadRequest(f"expected a region with {key} in params.context, got {name!r:.60}")
    return name
