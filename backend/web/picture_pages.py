"""Pages that show pictures of an index: their frame, the way between them, and groups of copies. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.pages.markup import Markup, element
from backend.pages.page import content_policy, document
from backend.vectors.records import ImageRow
from backend.web.explore_view import CopiesFound, Remark
from backend.web.thumbnails import PICTURES_STYLE, Pictures, gallery

__all__ = [
    "GALLERY_POLICY",
    "OUTSIDE",
    "PICTURE_SOURCES",
    "STYLE",
    "copies_group",
    "gallery_page",
    "navigation",
    "page_links",
    "remarked",
]

STYLE = (
    PICTURES_STYLE
    + """
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 14px; margin: 8px 0 0; }
nav [aria-current] { font-weight: 600; color: var(--ink); }
form.search { display: flex; flex-wrap: wrap; gap: 8px; }
form.search input { flex: 1 1 14em; min-width: 0; font: inherit; color: var(--ink); background: var(--ground);
  border: 1px solid var(--soft); border-radius: 6px; padding: 6px 10px; }
button { font: inherit; color: var(--ink); background: var(--ground); border: 1px solid var(--soft); border-radius: 6px; padding: 4px 12px; }
h3 { font-size: 14px; margin: 16px 0 8px; overflow-wrap: anywhere; }
h3 span { color: var(--soft); font-weight: 400; }
.group { border-top: 1px solid var(--line); padding: 12px 0; }
.group > p { margin: 0 0 8px; overflow-wrap: anywhere; }
.group:first-of-type { border-top: 0; }
"""
)
#: Pictures and what the script asks for come from this process.
PICTURE_SOURCES = ("img-src 'self'", "connect-src 'self'")
#: Of the header: no page may show one of these within its own.
OUTSIDE = "frame-ancestors 'none'"
GALLERY_POLICY = content_policy(*PICTURE_SOURCES, OUTSIDE, style=STYLE)


def navigation(pictures: Pictures, here: str, *, labels: bool) -> Markup:
    """The way between a project's pages."""
    base = pictures.base
    pages = [("Overview", "", base), ("Copies", "copies", f"{base}/copies")]
    pages += [("Unlike others", "odd", f"{base}/odd"), ("Quality", "quality", f"{base}/quality")]
    if labels:
        pages.append(("Boxes by label", "crops", pictures.crops))
    links = (
        element("a", title, href=address, **({"aria_current": "page"} if name == here else {}))
        for title, name, address in pages
    )
    return element("nav", *links, aria_label="Pages of this project")


def copies_group(group: CopiesFound, images: Mapping[int, ImageRow], pictures: Pictures) -> Markup:
    """Copies side by side, with how that was seen."""
    marks = []
    if group.conflict:
        marks.append(element("span", "labelled differently", class_="state bad"))
    if group.leak:
        marks.append(element("span", "in several splits", class_="state bad"))
    figures = (
        pictures.of_image(images[row], images[row].split) for row in group.rows if row in images
    )
    return element("div", element("p", group.reason, " ", *marks), gallery(figures), class_="group")


def remarked(
    remarks: Sequence[Remark], images: Mapping[int, ImageRow], pictures: Pictures
) -> list[Markup]:
    """Images, each with its remark."""
    return [pictures.of_image(images[one.row], one.reason) for one in remarks if one.row in images]


def gallery_page(
    title: str, nav: Markup, content: Sequence[Markup], pages: Markup | None, about: str = ""
) -> str:
    """A page that only shows pictures."""
    return document(
        title,
        element("header", element("h1", title), element("p", about)),
        nav,
        *content,
        pages,
        policy=content_policy(*PICTURE_SOURCES, style=STYLE),
        style=STYLE,
    )


def page_links(number: int, of: int, query: str = "") -> Markup | None:
    """Links to the pages before and after, where there are several; pages count from 1. `query` stays in them."""
    if of <= 1:
        return None
    links = []
    if number > 1:
        links.append(element("a", "previous", href=f"?{query}page={number - 1}", rel="prev"))
    if number < of:
        links.append(element("a", "next", href=f"?{query}page={number + 1}", rel="next"))
    return element(
        "nav", element("span", f"page {number:,} of {of:,}"), *links, aria_label="More of these"
    )
