"""The status page: one HTML document without outside assets or scripts, from an overview. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from backend.pages.markup import Markup, element
from backend.pages.page import content_policy, document, table_section, tiles
from backend.status.overview import Overview
from backend.status.summary import failure_rows, overview_summary
from backend.status.verdict import notes, problems
from backend.status.wording import redis_line

__all__ = ["CONTENT_SECURITY_POLICY", "status_page"]

REFRESH_S = 5

#: As a header it also keeps the page out of frames.
CONTENT_SECURITY_POLICY = content_policy("frame-ancestors 'none'")


def status_page(overview: Overview) -> str:
    """The whole document."""
    summary = overview_summary(overview)
    told = " · ".join((*summary.about, f"renewed every {REFRESH_S} s"))
    parts: list[Markup] = []
    if overview.redis.up:
        parts = [tiles(summary.figures), *map(table_section, summary.tables)]
        parts += [table_section(failure_rows(overview))] if overview.failures else []
        parts.append(_footer(overview))
    return document(
        f"{'✓' if not problems(overview) else '!'} Firstpass",
        element("header", element("h1", summary.title), element("p", told)),
        _verdict(overview),
        *parts,
        policy=content_policy(),
        refresh_s=REFRESH_S,
    )


def _verdict(overview: Overview) -> Markup:
    wrong = problems(overview)
    known = [element("p", *_with_code(note)) for note in notes(overview)]
    if not wrong:
        return element("section", element("h2", "✓ All is well"), *known, class_="verdict good")
    title = "! Redis does not answer" if not overview.redis.up else "! This needs a look"
    items = (element("li", *_with_code(problem)) for problem in wrong)
    return element(
        "section",
        element("h2", title),
        element("ul", *items),
        *known,
        class_="verdict bad",
        role="alert",
    )


def _footer(overview: Overview) -> Markup:
    line = redis_line(overview.redis)
    links = (element("a", name, href=name) for name in ("status.json", "metrics", "health"))
    return element("footer", line and element("p", line), element("p", *links, class_="links"))


def _with_code(sentence: str) -> Iterable[str]:
    """The parts of a sentence, with what stands between backticks as code."""
    for number, part in enumerate(sentence.split("`")):
        yield element("code", part) if number % 2 else part
