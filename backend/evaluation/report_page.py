"""An evaluation's report as one HTML file: nothing is loaded from elsewhere, and nothing runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from backend import __version__
from backend.bulk.report import in_utc
from backend.bulk.report_page import document, failure_section, section, tile
from backend.evaluation.pictures import COLOURS
from backend.evaluation.report import EvaluationReport
from backend.evaluation.report_rows import figures_of, share
from backend.evaluation.worst import WorstImage
from backend.pages.markup import Markup, element, table
from backend.wording import duration

__all__ = ["evaluation_page"]

_STYLE = """
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 14px; }
.pictures figure { margin: 0; }
.pictures img { max-width: 100%; max-height: 360px; border-radius: 6px; display: block; }
.pictures figcaption { font-size: 13px; color: var(--soft); overflow-wrap: anywhere; margin-top: 4px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; margin: 0 0 12px; padding: 0;
  list-style: none; }
section > p { margin: 10px 0 0; font-size: 13px; color: var(--soft); }
section > p.advice { color: var(--ink); font-size: 15px; }
section > ul { margin: 0; padding-left: 20px; }
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
    facts = report.facts
    told = f"{facts.model_version} · {in_utc(facts.ended_at)} · Firstpass {__version__}"
    head = element("header", element("h1", facts.source), element("p", told))
    sections = [_tiles(report)]
    if facts.notes:
        notes = (element("li", note) for note in facts.notes)
        sections.append(section("To know", element("ul", *notes)))
    sections += [
        section(
            figures.title,
            table(figures.columns, figures.rows),
            *(
                element("p", line, **({"class_": "advice"} if line == report.advice else {}))
                for line in figures.below
            ),
        )
        for figures in figures_of(report)
    ]
    if report.worst:
        sections.append(_worst(report, pictures))
    if report.failures:
        sections.append(failure_section(report.failures, facts.ledger))
    title = f"Evaluated: {facts.source}"
    return document(title, head, *sections, more_style=_STYLE, pictures=True)


def _tiles(report: EvaluationReport) -> Markup:
    facts, every = report.facts, report.all_labels
    left = f"{facts.left:,} not done yet" if facts.left else "all done"
    tiles = [
        tile("images", f"{report.images:,}", left),
        tile("failed", f"{report.failed:,}", "each with its reason" if report.failed else "none"),
    ]
    if every is not None:
        tiles += [
            tile(
                "F1 at IoU 0.5",
                share(every.f1),
                f"{every.shown:,} boxes shown, {every.truths:,} there",
            ),
            tile("AP", share(every.ap), f"AP50 {share(every.ap50)}"),
        ]
    tiles += [
        tile(f"{tag.control} right", f"{tag.accuracy:.1%}", f"of {tag.images:,} images")
        for tag in report.tags[:2]
    ]
    tiles.append(
        tile(
            "s/image", f"{report.image_s:.3f}", f"{facts.device}, {duration(facts.seconds)} in all"
        )
    )
    return element("section", *tiles, class_="tiles")


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
