"""The one frame of every page: nothing is loaded from elsewhere, and nothing runs. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator

from backend import __version__
from backend.pages.markup import Markup, element
from backend.pages.style import STYLE
from backend.pages.summary import Cell, Figure, Summary, Table, Toned

__all__ = ["content_policy", "document", "section", "summary_page", "table_section", "tiles"]


def content_policy(*more: str, style: str = "") -> str:
    """Give the content security policy of a page with that much more style; `more` adds to it.

    Names and reasons come from outside: even markup that slipped through could do nothing.
    """
    digest = base64.b64encode(hashlib.sha256((STYLE + style).encode()).digest()).decode()
    own = ("default-src 'none'", f"style-src 'sha256-{digest}'", "base-uri 'none'")
    return "; ".join((*own, "form-action 'none'", *more))


def document(
    title: str, *content: Markup | None, policy: str, style: str = "", refresh_s: int | None = None
) -> str:
    """Give a whole page under a content policy; it asks for itself again every `refresh_s`."""
    told = {"Content-Security-Policy": policy}
    if refresh_s is not None:
        told["refresh"] = str(refresh_s)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        *(element("meta", http_equiv=name, content=value) for name, value in told.items()),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(STYLE + style)),
    )
    body = element("body", element("main", *content))
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en") + "\n"


def summary_page(summary: Summary, *last: Markup, style: str = "", pictures: bool = False) -> str:
    """Give the whole page of a summary; `last` stands at its end, with `pictures` that it holds itself."""
    about = " · ".join((*summary.about, f"Firstpass {__version__}"))
    notes = (element("li", note) for note in summary.notes)
    return document(
        summary.title,
        element("header", element("h1", summary.title), element("p", about)),
        tiles(summary.figures),
        section("To know", element("ul", *notes)) if summary.notes else None,
        *map(table_section, summary.tables),
        *last,
        policy=content_policy(*["img-src data:"] * pictures, style=style),
        style=style,
    )


def section(title: str, *content: Markup | None) -> Markup:
    """Give a part of a page."""
    return element("section", element("h2", title), *content)


def tiles(figures: Iterable[Figure]) -> Markup:
    """Give figures in large letters."""
    made = (
        element(
            "div",
            element("span", one.title, class_="title"),
            element("strong", one.value),
            element("span", one.more, class_="more"),
            class_="tile",
        )
        for one in figures
    )
    return element("section", *made, class_="tiles")


def table_section(table: Table) -> Markup:
    """Give a table with what is to be known of it; it scrolls by itself where the window is narrow."""
    return section(
        table.title,
        element("div", _table(table), class_="scroll") if table.rows else None,
        element("p", table.advice, class_="advice") if table.advice else None,
        *(element("p", note, class_="note") for note in table.notes),
    )


def _table(table: Table) -> Markup:
    kinds = ["number" if title.endswith("#") else "text" for title in table.columns]
    head = (
        element("th", title.rstrip("#"), class_=kind, scope="col")
        for title, kind in zip(table.columns, kinds, strict=True)
    )
    body = (
        element("tr", *(_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)))
        for row in table.rows
    )
    return element("table", element("thead", element("tr", *head)), element("tbody", *body))


def _cell(cell: Cell, kind: str) -> Markup:
    match cell:
        case Toned(text, tone):
            return element("td", element("span", text, class_=f"state {tone}"), class_=kind)
        case str():
            return element("td", cell, class_=kind)
        case lines:
            return element("td", *_broken(lines), class_="lines")


def _broken(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number:
            yield element("br")
        yield line
