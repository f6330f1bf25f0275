"""Pictures of a run, the least sure first, and for a dry run a slider for each label's threshold."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import count

from PIL import Image

from backend.bulk.contact_sheet import MAX_PICTURES
from backend.bulk.cuts import Cut
from backend.bulk.drawing import LabelColours, Thing
from backend.bulk.sliders import STYLE as SLIDER_STYLE
from backend.bulk.sliders import sliders
from backend.bulk.thumbnail import Thumbnail, thumbnail_of
from backend.pages.markup import Markup, element
from backend.pages.page import section
from backend.prediction.read_regions import ReadRegion
from backend.wording import images

__all__ = ["STYLE", "Gallery", "gallery_sections"]

STYLE = (
    """
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(260px, 100%), 1fr)); gap: 14px; }
.pictures figure { margin: 0; min-width: 0; }
.pictures svg { width: 100%; height: auto; max-height: 340px; border-radius: 6px; display: block; background: var(--ground); }
.pictures figcaption { font-size: 13px; color: var(--soft); overflow-wrap: anywhere; margin-top: 4px; }
.pictures figcaption p { margin: 0; }
.pictures g { stroke-width: 2; }
.pictures g > :not(text) { fill-opacity: .12; }
.pictures text { font: 600 11px system-ui, "DejaVu Sans", sans-serif; paint-order: stroke; stroke-width: 4; stroke-linejoin: round; }
"""
    + SLIDER_STYLE
)


class Gallery:
    """Collects pictures, and keeps the least sure of them: memory is bounded, however many come."""

    def __init__(self, colours: LabelColours) -> None:
        self._colours = colours
        self._order = count()
        #: The surest first, so that it is the one that goes.
        self._kept: list[tuple[float, int, Thumbnail]] = []

    def add(
        self,
        name: str,
        address: str,
        image: Image.Image,
        regions: Sequence[ReadRegion],
        score: float | None,
    ) -> None:
        """Add an upright RGB image; `score` is its prediction's, and one without comes after all others."""
        rank = (-2.0 if score is None else -score, -next(self._order))
        if len(self._kept) >= MAX_PICTURES and rank < self._kept[0][:2]:
            return
        made = thumbnail_of(name, address, image, regions, self._colours, score)
        push = heapq.heappush if len(self._kept) < MAX_PICTURES else heapq.heappushpop
        push(self._kept, (*rank, made))

    def pictures(self) -> tuple[Thumbnail, ...]:
        """The least sure first."""
        return tuple(
            made for *_, made in sorted(self._kept, key=lambda kept: kept[:2], reverse=True)
        )


def gallery_sections(
    pictures: Sequence[Thumbnail], of: int, cuts: Sequence[Cut], colours: LabelColours
) -> Iterator[Markup]:
    """The parts of a page: sliders where there are `cuts`, and the pictures, chosen from so many images."""
    numbers = {(cut.control, cut.label): number for number, cut in enumerate(cuts)}

    def shown(thing: Thing) -> dict[str, str]:
        number = numbers.get((thing.control, thing.predicted_label))
        if number is None:
            return {}
        score = thing.raw_score or 0.0
        below = {"class": "below"} if score < cuts[number].least else {}
        return {"data_cut": str(number), "data_score": f"{score:.4f}", **below}

    things = [thing for picture in pictures for thing in picture.drawing.things]
    if cuts:
        yield sliders(cuts, _scores(things, numbers), colours)
    if not pictures:
        yield section("Pictures", element("p", "None: no image was predicted."))
        return
    scored = any(picture.score is not None for picture in pictures)
    order = "the least sure first" if scored else "in their order, since nothing has a score"
    all_of_them = len(pictures) >= of
    title = f"{images(len(pictures))}, {order}"
    yield section(
        title if all_of_them else f"{title}, of {of:,}",
        element("div", *(picture.markup(shown) for picture in pictures), class_="pictures"),
    )


def _scores(things: Iterable[Thing], numbers: dict[tuple[str, str], int]) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {number: [] for number in numbers.values()}
    for thing in things:
        number = numbers.get((thing.control, thing.predicted_label))
        if number is not None:
            found[number].append(thing.raw_score or 0.0)
    return found
