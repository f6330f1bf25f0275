"""The findings as one HTML file with thumbnails: nothing is loaded from elsewhere, and nothing runs. Pure."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence

from backend.explore.report import ExploreReport, ImageName, explore_summary
from backend.pages.markup import Markup, element
from backend.pages.page import section, summary_page
from backend.plain import Json

__all__ = ["explore_page"]

#: Groups of a gallery, and images of a group.
_GROUPS, _IMAGES = 60, 12

_STYLE = """
.row { display: grid; grid-template-columns: repeat(auto-fill, minmax(110px, 1fr)); gap: 10px; margin: 6px 0 18px; }
.row figure { margin: 0; }
.row img { width: 100%; height: 100px; object-fit: contain; display: block; }
.row figcaption { font-size: 12px; color: var(--soft); overflow-wrap: anywhere; }
.map { width: 100%; max-width: 620px; display: block; }
.map circle { fill: var(--busy); fill-opacity: .55; }
"""

#: Gives a row's small JPEG, of the set itself or of the one it is held against.
Thumbnail = Callable[[int], bytes | None]
#: Points that are drawn of a map: of more the file would be large.
_POINTS = 5_000


def explore_page(
    report: ExploreReport, thumbnail: Thumbnail, other_thumbnail: Thumbnail | None = None
) -> str:
    """The whole document."""
    galleries = list(_galleries(report, thumbnail, other_thumbnail))
    return summary_page(explore_summary(report), *galleries, style=_STYLE, pictures=True)


def _galleries(
    report: ExploreReport, thumbnail: Thumbnail, other: Thumbnail | None
) -> Iterator[Markup]:
    answers, names = report.answers, report.names
    if groups := answers.get("copies", {}).get("groups"):
        rows = ((group["reason"], group["rows"]) for group in groups[:_GROUPS])
        yield _gallery("Copies side by side", rows, names, thumbnail)
    if clusters := answers.get("clusters", {}).get("clusters"):
        rows = (
            (f"{one['name']}: {one['size']:,} images", one["rows"]) for one in clusters[:_GROUPS]
        )
        yield _gallery("The middle of each cluster", rows, names, thumbnail)
    for question, title, key in (
        ("outliers", "Outliers, the farthest first", "images"),
        ("quality", "Images with a hint of quality", "hints"),
    ):
        found = answers.get(question, {}).get(key)  # type: ignore[call-overload]
        if found:
            yield _singles(title, found, names, thumbnail)
    drift = answers.get("drift")
    if drift is not None and other is not None and drift["clusters"]:
        for side, key, known, small in (
            ("this set", "rows", names, thumbnail),
            (drift["against"], "other_rows", report.others, other),
        ):
            rows = ((one["reason"], one[key]) for one in drift["clusters"][:_GROUPS] if one[key])
            yield _gallery(f"Where the sets differ: {side}", rows, known, small)
    if (found := answers.get("map")) is not None and len(found["rows"]) > 1:
        yield _map(found)


def _gallery(
    title: str,
    groups: Iterator[tuple[str, Sequence[int]]],
    names: Mapping[int, ImageName],
    thumbnail: Thumbnail,
) -> Markup:
    parts: list[Markup] = []
    for words, rows in groups:
        figures = [_figure(row, names, thumbnail) for row in rows[:_IMAGES]]
        parts += [element("p", words), element("div", *figures, class_="row")]
    return section(title, *parts)


def _singles(
    title: str, found: Sequence[Json], names: Mapping[int, ImageName], thumbnail: Thumbnail
) -> Markup:
    why: dict[int, list[str]] = {}
    for one in found:
        why.setdefault(one["row"], []).append(one["reason"])
    figures = [
        _figure(row, names, thumbnail, "; ".join(reasons))
        for row, reasons in list(why.items())[:_GROUPS]
    ]
    return section(title, element("div", *figures, class_="row"))


def _figure(
    row: int, names: Mapping[int, ImageName], thumbnail: Thumbnail, words: str = ""
) -> Markup:
    name, data = names.get(row, ImageName("", f"row {row}")), thumbnail(row)
    leads = name.address.startswith(("http://", "https://"))
    link = (
        element("a", name.name, href=name.address, rel="noreferrer")
        if leads
        else element("span", name.name)
    )
    caption = element("figcaption", link, f": {words}" if words else None)
    if not data:
        return element("figure", element("p", "The image cannot be shown."), caption)
    address = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    return element("figure", element("img", src=address, alt=name.name), caption)


def _map(body: Json) -> Markup:
    """A dot for each image, or for some of very many."""
    step = -(-len(body["rows"]) // _POINTS)
    dots = [
        element("circle", cx=f"{1000 * x:.0f}", cy=f"{1000 * y:.0f}", r="4")
        for x, y in zip(body["x"][::step], body["y"][::step], strict=True)
    ]
    drawn = element(
        "svg", *dots, viewBox="0 0 1000 1000", class_="map", role="img",
        aria_label=f"A map of {len(body['rows']):,} images; each cluster is in the table above",
    )  # fmt: skip
    note = (
        "Near on it is what looks alike. What is far apart may still be alike, and how large an island is says "
        f"nothing.{f' Every {step}th image is drawn.' if step > 1 else ''}"
    )
    return section("Map", drawn, element("p", note, class_="note"))
