"""A bulk run's report as tables for a terminal. What comes from elsewhere is shown, never obeyed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from backend.bulk.left_out import LeftOutFigures
from backend.bulk.report import Report
from backend.bulk.tally import FailureFigures
from backend.wording import duration, printable

__all__ = ["failure_table", "report_tables"]

#: Labels and failed tasks on the screen; the report's files hold more.
LABELS_SHOWN = 40
EXAMPLES_SHOWN = 3


def report_tables(report: Report) -> Iterator[RenderableType]:
    """The figures, then label by label, then what failed and why."""
    yield _figures(report)
    if report.labels:
        yield _labels(report)
    if report.failures:
        yield failure_table(report.failures, report.facts.ledger)
    if report.left_out:
        yield _left_out(report)


def _figures(report: Report) -> Table:
    facts = report.facts
    table = Table(title=Text(printable(f"Pre-labelled: {facts.source}")), title_justify="left")
    table.show_header = False
    table.add_column()
    table.add_column(justify="right", overflow="fold")
    rows = [
        ("images predicted", f"{report.predicted:,}"),
        ("failed", f"{report.failed:,}"),
        ("not done yet", f"{facts.left:,}" if facts.left else None),
        ("nothing found", f"{report.empty:,}"),
        ("without a region", f"{report.undrawn:,}" if report.regions else None),
        ("regions", f"{report.regions:,} ({report.regions_per_image:.2f} per image)"),
        ("time", f"{duration(facts.seconds)} ({report.images_per_s:.2f} images/s)"),
        ("model_version", printable(facts.model_version)),
    ]
    for name, value in rows:
        if value is not None:
            table.add_row(name, Text(value))
    return table


def _labels(report: Report) -> Table:
    table = Table(title=Text("By label"), title_justify="left", box=box.SIMPLE_HEAD)
    for title in ("control", "label", "regions", "images", "mean score"):
        figures = title not in ("control", "label")
        table.add_column(title, justify="right" if figures else "left", overflow="fold")
    for label in report.labels[:LABELS_SHOWN]:
        mean = "-" if label.mean_score is None else f"{label.mean_score:.2f}"
        cells = (label.control, label.label, f"{label.regions:,}", f"{label.images:,}", mean)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    if len(report.labels) > LABELS_SHOWN:
        table.caption = f"and {len(report.labels) - LABELS_SHOWN} more: --report FILE.html"
    return table


def failure_table(failures: Iterable[FailureFigures], ledger: str) -> Table:
    """What failed and why; `ledger` holds all of it, where it is not empty."""
    table = Table(
        title=Text("Failed, by reason"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        caption=Text(f"All of them: {ledger}") if ledger else None,
        caption_justify="left",
    )
    table.add_column("reason")
    table.add_column("images", justify="right")
    table.add_column("for example", overflow="fold")
    for failure in failures:
        table.add_row(Text(printable(failure.kind)), f"{failure.tasks:,}", _examples(failure))
    return table


def _left_out(report: Report) -> Table:
    table = Table(title=Text("Left out, by reason"), title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("reason", overflow="fold")
    table.add_column("number", justify="right")
    table.add_column("for example", overflow="fold")
    for one in report.left_out:
        table.add_row(Text(printable(one.reason)), f"{one.count:,}", _examples(one))
    return table


def _examples(figures: FailureFigures | LeftOutFigures) -> Text:
    lines = [
        f"{one.task}: {one.message}" if one.message else str(one.task)
        for one in figures.examples[:EXAMPLES_SHOWN]
    ]
    return Text("\n".join(printable(line) for line in lines))
