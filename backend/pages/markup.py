"""HTML that cannot be broken by what it shows: text is escaped, only what `element` made is not."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from backend.wording import printable

__all__ = ["Markup", "element", "with_code"]

_VOID = ("meta", "link", "br", "img", "input")


class Markup(str):
    """HTML that is safe to embed; made by `element` and for constants of this package alone."""

    __slots__ = ()


def element(tag: str, /, *children: str | None, **attributes: str) -> Markup:
    """An element. Children that are not `Markup` are text; a `None` is left out.

    `class_` stands for `class`, `http_equiv` for `http-equiv`, `data_cut` for `data-cut`.

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


def with_code(sentence: str) -> Iterator[str]:
    """The parts of a sentence, with what stands between backticks as code."""
    for number, part in enumerate(sentence.split("`")):
        yield element("code", part) if number % 2 else part


def _text(child: str) -> str:
    return child if isinstance(child, Markup) else escape(printable(child))
