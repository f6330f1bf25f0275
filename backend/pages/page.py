"""The one frame of every page: nothing is loaded from elsewhere, and nothing runs but a script of its own. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator

from backend import __version__
from backend.pages.markup import Markup, element
from backend.pages.style import STYLE
from backend.pages.summary import Bars, Cell, Figure, Link, Summary, Table, Toned

__all__ = ["content_policy", "document", "section", "summary_page", "table_section", "tiles"]


def content_policy(*more: str, style: str = "", script: str = "", forms: str = "'none'") -> str:
    """Give the content security policy of a page with that much more style, and this script; `more` adds to it.

    `forms` says where a form of it may be sent.

    Names and reasons come from outside: even markup that slipped through could do nothing.
    """
    own = ["default-src 'none'", f"style-src {_hash(STYLE + style)}"]
    if script:
        own.append(f"script-src {_hash(script)}")
    return "; ".join((*own, "base-uri 'none'", f"form-action {forms}", *more))


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def document(
    title: str, *content: Markup | None, policy: str, style: str = "", script: str = ""
) -> str:
    """Give a whole page under a content policy. `style` and `script` are constants of ours, as the policy has them."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(STYLE + style)),
    )
    runs = element("script", Markup(script)) if script else None
    body = element("body", element("main", *content), runs)
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en") + "\n"


def summary_page(
    summary: Summary,
    *last: Markup,
    first: Iterable[Markup] = (),
    style: str = "",
    script: str = "",
    pictures: bool = False,
) -> str:
    """Give the whole page of a summary.

    `first` stands before its tables, and `last` at its end, with `pictures` that they hold themselves.
    """
    about = " · ".join((*summary.about, f"Firstpass {__version__}"))
    notes = (element("li", note) for note in summary.notes)
    return document(
        summary.title,
        element("header", element("h1", summary.title), element("p", about)),
        tiles(summary.figures),
        section("To know", element("ul", *notes)) if summary.notes else None,
        *first,
        *map(table_section, summary.tables),
        *last,
        policy=content_policy(*["img-src data:"] * pictures, style=style, script=script),
        style=style,
        script=script,
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
        _scrolling(table) if table.rows else None,
        element("p", table.advice, class_="advice") if table.advice else None,
        *(element("p", note, class_="note") for note in table.notes),
    )


def _scrolling(table: Table) -> Markup:
    """By keys, too: what scrolls can be come to, and has a name."""
    return element(
        "div", _table(table), class_="scroll", tabindex="0", role="region", aria_label=table.title
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
        case str() | Link():
            return element("td", _linked(cell), class_=kind)
        case Bars():
            return element("td", _bars(cell), class_=kind)
        case lines:
            return element("td", *_broken(lines), class_="lines")


def _broken(lines: Iterable[str | Link]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number:
            yield element("br")
        yield _linked(line)


def _linked(text: str | Link) -> str:
    if isinstance(text, str):
        return text
    # An address may be from elsewhere, and a browser would run one that is a script.
    leads = text.address.startswith(("http://", "https://"))
    return element("a", text.text, href=text.address) if leads else text.text


def _bars(bars: Bars) -> str:
    """A drawing whose bars share a scale, the highest as high as the cell."""
    most = max(bars.counts, default=0)
    if not most:
        return "-"
    drawn = (
        element(
            "rect",
            x=str(6 * number),
            y=f"{20 - 20 * count / most:.1f}",
            width="5",
            height=f"{20 * count / most:.1f}",
        )
        for number, count in enumerate(bars.counts)
        if count
    )
    colour = {"fill": bars.colour} if bars.colour else {}
    return element(
        "svg", *drawn, viewBox=f"0 0 {6 * len(bars.counts)} 21", role="img",
        aria_label=bars.words, class_="bars", **colour,
    )  # fmt: skip
