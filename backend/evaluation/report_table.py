"""An evaluation's report as tables for a terminal. What comes from elsewhere is shown, never obeyed."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from backend.bulk.report_table import failure_table
from backend.evaluation.report import EvaluationReport
from backend.evaluation.report_rows import Figures, figures_of
from backend.wording import images, printable

__all__ = ["evaluation_tables"]

#: Rows of one table on the screen; the report's files hold more.
ROWS_SHOWN = 40


def evaluation_tables(report: EvaluationReport) -> Iterator[RenderableType]:
    """What was measured, then table by table, then what failed and why."""
    facts = report.facts
    yield Text(
        printable(
            f"{images(report.images)} of {facts.source}, {report.image_s:.3f} s each on {facts.device}, "
            f"model_version {facts.model_version}"
        )
    )
    for note in facts.notes:
        yield Text(printable(note), style="yellow")
    for figures in figures_of(report):
        yield _table(figures)
        for line in figures.below:
            is_advice = line == report.advice
            yield Text(printable(line), style="bold" if is_advice else "dim")
    if report.failures:
        yield failure_table(report.failures, facts.ledger)


def _table(figures: Figures) -> Table:
    table = Table(
        title=Text(printable(figures.title), style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for column in figures.columns:
        number = column.endswith("#")
        table.add_column(
            column.rstrip("#"),
            justify="right" if number else "left",
            overflow="fold",
            no_wrap=number,
        )
    for row in figures.rows[:ROWS_SHOWN]:
        table.add_row(*(Text(printable(cell)) for cell in row))
    if len(figures.rows) > ROWS_SHOWN:
        table.caption = f"and {len(figures.rows) - ROWS_SHOWN} more: --report FILE.html"
    return table
