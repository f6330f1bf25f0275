"""A bulk run's report as one HTML file: nothing is loaded from elsewhere, and nothing runs. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from backend import __version__
from backend.bulk.left_out import LeftOutFigures
from backend.bulk.report import Report, in_utc
from backend.bulk.tally import FailureFigures, LabelFigures
from backend.pages.markup import Markup, element, table
from backend.pages.style import STYLE
from backend.wording import duration

__all__ = ["document", "failure_section", "report_page", "section", "tile"]


def document(title: str, *content: Markup, more_style: str = "", pictures: bool = False) -> str:
    """A whole page with the status page's style; `pictures` may be shown that the page itself holds.

    Label names and reasons come from outside: even markup that slipped through could do nothing.
    """
    style = STYLE + more_style
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element(
            "meta",
            http_equiv="Content-Security-Policy",
            content=policy + ("; img-src data:" if pictures else ""),
        ),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(style)),
    )
    body = element("body", element("main", *content))
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en") + "\n"


def report_page(report: Report) -> str:
    """The whole document."""
    facts = report.facts
    sections = [_tiles(report)]
    if report.labels:
        sections.append(section("By label", _labels(report.labels)))
    if report.failures:
        sections.append(failure_section(report.failures, facts.ledger))
    if report.left_out:
        sections.append(section("Left out", _left_out(report.left_out)))
    return document(f"Pre-labelled: {facts.source}", _head_line(report), *sections)


def failure_section(failures: Iterable[FailureFigures], ledger: str) -> Markup:
    """What failed and why; `ledger` holds all of it, where it is not empty."""
    told = f"The first of each kind; all of them: {ledger}" if ledger else None
    return section("Failed", _failures(failures), told and element("p", told))


def section(title: str, *content: str | None) -> Markup:
    """A part of a page."""
    return element("section", element("h2", title), *content)


def tile(title: str, value: str, more: str) -> Markup:
    """One figure in large letters."""
    return element(
        "div",
        element("span", title, class_="title"),
        element("strong", value),
        element("span", more, class_="more"),
        class_="tile",
    )


def _head_line(report: Report) -> Markup:
    facts = report.facts
    told = (
        f"{facts.model_version} · {in_utc(facts.begun_at)} to {in_utc(facts.ended_at)} · "
        f"Firstpass {__version__}"
    )
    return element("header", element("h1", facts.source), element("p", told))


def _tiles(report: Report) -> Markup:
    facts = report.facts
    left = f"{facts.left:,} not done yet" if facts.left else "all done"
    tiles = (
        tile("predicted", f"{report.predicted:,}", left),
        tile("failed", f"{report.failed:,}", "each with its reason" if report.failed else "none"),
        tile("regions", f"{report.regions:,}", f"{report.regions_per_image:.2f} per image"),
        tile("nothing found", f"{report.empty:,}", f"{report.undrawn:,} without a region"),
        tile("images/s", f"{report.images_per_s:.2f}", f"{duration(facts.seconds)} in all"),
    )
    return element("section", *tiles, class_="tiles")


def _labels(labels: Iterable[LabelFigures]) -> Markup:
    rows = (
        (
            label.control,
            label.label,
            f"{label.regions:,}",
            f"{label.images:,}",
            "-" if label.mean_score is None else f"{label.mean_score:.3f}",
        )
        for label in labels
    )
    return table(("control", "label", "regions#", "images#", "mean score#"), rows)


def _failures(failures: Iterable[FailureFigures]) -> Markup:
    rows = (
        (failure.kind, str(example.task), example.message, f"{failure.tasks:,}" * (number == 0))
        for failure in failures
        for number, example in enumerate(failure.examples)
    )
    return table(("kind", "image", "why", "images#"), rows, class_="failures")


def _left_out(figures: Iterable[LeftOutFigures]) -> Markup:
    rows = (
        (one.reason, str(example.task), example.message, f"{one.count:,}" * (number == 0))
        for one in figures
        for number, example in enumerate(one.examples)
    )
    return table(("reason", "what", "more", "number#"), rows, class_="failures")
