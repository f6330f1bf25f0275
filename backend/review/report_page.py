"""A review's report as one HTML page: nothing is loaded from elsewhere, and nothing runs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from backend.pages.markup import Markup, element
from backend.pages.page import content_policy, document, section, summary_page
from backend.review.figures import Bin, Mark, Picture, ReviewReport, WorstTask
from backend.review.loop_page import loop_sections
from backend.review.loop_runs import LoopCommand, LoopRuns
from backend.review.report_rows import review_summary

__all__ = ["POLICY", "no_review_page", "review_page"]

#: Colours are seen on light and on dark images alike; dashed is what a person drew.
_COLOURS = {
    "kept": ("#2b6cdf", ""),
    "moved": ("#9333c8", ""),
    "meant": ("#e08a00", "3 2"),
    "relabelled": ("#9333c8", ""),
    "replaced": ("#9333c8", ""),
    "deleted": ("#d41f2c", ""),
    "added": ("#e08a00", "3 2"),
}
_LEGEND = {
    "kept": "kept",
    "deleted": "deleted",
    "relabelled": "relabelled, moved or replaced",
    "added": "what a person drew",
}
_STYLE = """
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 14px; }
.pictures figure { margin: 0; }
.pictures svg { width: 100%; max-height: 360px; display: block; }
.pictures figcaption { font-size: 13px; color: var(--soft); overflow-wrap: anywhere; margin-top: 4px; }
.pictures rect { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; margin: 0 0 12px; padding: 0;
  list-style: none; }
.legend svg { width: 30px; height: 12px; vertical-align: -1px; margin-right: 5px; }
.legend rect { fill: none; stroke-width: 2; }
.plot { max-width: 420px; display: block; }
.plot text { fill: var(--soft); font-size: 11px; }
.plot .axis, .plot .even { stroke: var(--line); }
.plot .even { stroke-dasharray: 4 3; }
.plot .range { stroke: var(--busy); }
.plot circle { fill: var(--busy); }
""" + "\n".join(
    f"rect.{kind} {{ stroke: {colour};{f' stroke-dasharray: {dashes};' if dashes else ''} }}"
    for kind, (colour, dashes) in _COLOURS.items()
)

#: As a header it also keeps the page out of frames.
POLICY = content_policy("img-src data:", "frame-ancestors 'none'", style=_STYLE)

#: The plot's sides and its margin, in its own units.
_SIDE, _MARGIN = 340, 40


def review_page(
    report: ReviewReport,
    pictures: Mapping[str, Picture],
    runs: Mapping[LoopCommand, LoopRuns] | None = None,
) -> str:
    """The whole document; `pictures` are those of the worst images, by task, `runs` what came of reviews."""
    parts = [_reliability(report.scores)] if report.scores else []
    parts += [_worst(report.worst, pictures)] if report.worst else []
    parts += loop_sections(report.facts.project, runs or {})
    return summary_page(review_summary(report), *parts, style=_STYLE, pictures=True)


def no_review_page(project: int, runs: Mapping[LoopCommand, LoopRuns] | None = None) -> str:
    """What stands there before the command was run, and what other commands left."""
    return document(
        "Firstpass review",
        element("header", element("h1", f"Project {project} has no report yet")),
        section(
            "How to get one",
            element("p", "This page shows what the command left here last:"),
            element("p", element("code", f"firstpass review --project {project}")),
            element("p", "It must see the same Redis as this process."),
        ),
        *loop_sections(project, runs or {}),
        policy=content_policy("img-src data:", style=_STYLE),
        style=_STYLE,
    )


def _reliability(bins: Sequence[Bin]) -> Markup:
    """Of the regions with about this score, how many were right; on the diagonal a score is what it says."""
    shape = f"0 0 {_SIDE + 2 * _MARGIN} {_SIDE + 2 * _MARGIN}"
    first, last = _MARGIN, _MARGIN + _SIDE
    even = _line(first, last, last, first, "even")
    axes = (_line(first, last, last, last, "axis"), _line(first, first, first, last, "axis"))
    texts = (
        _text("0", first, last + 16),
        _text("score of the prediction", first + _SIDE / 2, last + 30),
        _text("1", last, last + 16),
        _text("share that was right", first + 50, first - 14),
        _text("1", first - 14, first + 4),
    )
    drawn = element("svg", *axes, even, *_points(bins), *texts, viewBox=shape, class_="plot")
    note = (
        "right: there, and of that label, wherever it was moved; the bars are 95 % intervals. Above the dashed line "
        "predictions are better than their scores say, below it worse"
    )
    return section("Can scores be trusted?", drawn, element("p", note, class_="note"))


def _points(bins: Sequence[Bin]) -> Iterator[Markup]:
    for one in bins:
        right = one.right
        if right.share is None or right.low is None or right.high is None:
            continue
        across = _MARGIN + _SIDE * one.score
        low, middle, high = (
            _MARGIN + _SIDE * (1 - y) for y in (right.low, right.share, right.high)
        )
        yield _line(across, low, across, high, "range")
        title = element("title", f"score {one.score:.2f}: {right.words} of {right.of:,}")
        yield element("circle", title, cx=f"{across:.1f}", cy=f"{middle:.1f}", r="4")


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    return element("line", class_=kind, **{name: f"{at:.1f}" for name, at in ends.items()})


def _text(text: str, x: float, y: float) -> Markup:
    return element("text", text, x=f"{x:.0f}", y=f"{y:.0f}", text_anchor="middle")


def _worst(worst: Sequence[WorstTask], pictures: Mapping[str, Picture]) -> Markup:
    legend = (element("li", _sample(kind), words) for kind, words in _LEGEND.items())
    shown = [_figure(one, pictures.get(one.picture)) for one in worst]
    return section(
        f"The {len(shown)} images with most edits",
        element("ul", *legend, class_="legend"),
        element("div", *shown, class_="pictures"),
    )


def _sample(kind: str) -> Markup:
    line = element("rect", x="2", y="2", width="26", height="8", class_=kind)
    return element("svg", line, viewBox="0 0 30 12")


def _figure(one: WorstTask, picture: Picture | None) -> Markup:
    name = f"task {one.task}"
    linked = one.url.startswith(("http://", "https://"))
    link = element("a", name, href=one.url, rel="noreferrer") if linked else element("span", name)
    counts = {kind: sum(mark.kind == kind for mark in one.marks) for kind in _COLOURS}
    told = ", ".join(
        f"{count} {kind}" for kind, count in counts.items() if count and kind != "meant"
    )
    caption = element("figcaption", link, f": {one.edits:,} edits{f' ({told})' if told else ''}")
    if picture is None:
        return element("figure", element("p", "The image cannot be shown."), caption)
    return element("figure", _drawn(one.marks, picture), caption)


def _drawn(marks: Sequence[Mark], picture: Picture) -> Markup:
    """The image with the marks over it, whose percents follow its sides."""
    image = element("image", href=picture.address, width="100%", height="100%")
    boxes = (_box(mark) for mark in marks)
    return element("svg", image, *boxes, viewBox=f"0 0 {picture.width} {picture.height}")


def _box(mark: Mark) -> Markup:
    score = "" if mark.score is None else f" {mark.score:.2f}"
    title = element("title", f"{mark.kind}: {mark.label}{score}")
    names = ("x", "y", "width", "height")
    sides = {name: f"{side:g}%" for name, side in zip(names, mark.box, strict=True)}
    return element("rect", title, class_=mark.kind, **sides)
