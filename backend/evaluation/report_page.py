"""An evaluation's report as one HTML file: nothing is loaded from elsewhere, and nothing runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from backend.evaluation.pictures import COLOURS
from backend.evaluation.report import EvaluationReport
from backend.evaluation.report_rows import evaluation_summary
from backend.evaluation.worst import WorstImage
from backend.pages.markup import Markup, element
from backend.pages.page import section, summary_page

__all__ = ["evaluation_page"]

_STYLE = """
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 14px; }
.pictures figure { margin: 0; }
.pictures img { max-width: 100%; max-height: 360px; border-radius: 6px; display: block; }
.pictures figcaption { font-size: 13px; color: var(--soft); overflow-wrap: anywhere; margin-top: 4px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; margin: 0 0 12px; padding: 0;
  list-style: none; }
svg { width: 30px; height: 12px; vertical-align: -1px; margin-right: 5px; }
""" + "\n".join(
    f".{kind} {{ stroke: rgb{colour}; stroke-width: {width}; fill: none;"
    f"{' stroke-dasharray: 5 4;' if dashed else ''} }}"
    for kind, (colour, dashed, width) in COLOURS.items()
)
_LEGEND = {
    "there": "people's box that was found",
    "right": "right",
    "missed": "missed",
    "false": "false",
    "misplaced": "badly placed",
    "meant": "where it should be",
}


def evaluation_page(report: EvaluationReport, pictures: Mapping[str, str]) -> str:
    """The whole document; `pictures` are `data:` addresses by image, of the worst ones."""
    worst = [_worst(report, pictures)] if report.worst else []
    return summary_page(evaluation_summary(report), *worst, style=_STYLE, pictures=True)


def _worst(report: EvaluationReport, pictures: Mapping[str, str]) -> Markup:
    legend = (
        element("li", _sample(kind), element("span", words)) for kind, words in _LEGEND.items()
    )
    shown = [_figure(one, pictures.get(one.image)) for one in report.worst]
    return section(
        f"The {len(shown)} images that went worst",
        element("ul", *legend, class_="legend"),
        element("div", *shown, class_="pictures"),
    )


def _sample(kind: str) -> Markup:
    line = element("rect", x="2", y="2", width="26", height="8", class_=kind)
    return element("svg", line, viewBox="0 0 30 12")


def _figure(one: WorstImage, address: str | None) -> Markup:
    counts = ((one.missed, "missed"), (one.false, "false"), (one.misplaced, "badly placed"))
    told = ", ".join(f"{count} {what}" for count, what in counts if count)
    picture = (
        element("img", src=address, alt=one.image)
        if address
        else element("p", "cannot be read any more")
    )
    return element("figure", picture, element("figcaption", f"{one.image}: {told}"))
