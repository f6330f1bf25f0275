"""HTML that cannot be broken by what it shows: text is escaped, only what `element` made is not."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from backend.wording import printable

__all__ = ["Markup", "element", "table"]

_VOID = ("meta", "link", "br", "img")


class Markup(str):
    """HTML that is safe to embed; made by `element` and for constants of this package alone."""

    __slots__ = ()


def element(tag: str, /, *children: str | None, **attributes: str) -> Markup:
    """An element. Children that are not `Markup` are text; a `None` is left out.

    `class_` stands for `class`, `http_equiv` for `http-equiv`.

    >>> element("p", "a < b", class_='"')
    '<p class="&quot;">a &lt; b</p>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(printable(value))}"'
        for key, value in attributes.items()
    )
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")
    inner = "".join(_text(child) for child in children if child is not None)
    return Markup(f"<{tag}{written}>{inner}</{tag}>")


def table(columns: Iterable[str], rows: Iterable[Iterable[str]], **attributes: str) -> Markup:
    """A table that scrolls by itself where the window is narrow.

    A column whose title ends in `#` holds figures, which are set to the right (the sign is not shown).
    """
    titles = list(columns)
    kinds = ["number" if title.endswith("#") else "text" for title in titles]
    head = (
        element("th", title.rstrip("#"), class_=kind, scope="col")
        for title, kind in zip(titles, kinds, strict=True)
    )
    body = (
        element(
            "tr",
            *(element("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True)),
        )
        for row in rows
    )
    whole = element(
        "table", element("thead", element("tr", *head)), element("tbody", *body), **attributes
    )
    return element("div", whole, class_="scroll")


def _text(child: str) -> str:
    return child if isinstance(child, Markup) else escape(printable(child))
