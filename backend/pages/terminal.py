"""Summaries and tables for a terminal. What comes from elsewhere is shown, never obeyed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from backend.pages.summary import Bars, Cell, Figure, Link, Summary, Table, Toned
from backend.wording import printable

__all__ = ["figure_table", "say", "shown", "summary_parts", "table_parts"]

#: Rows of one table, and lines of one cell; the page holds more.
ROWS_SHOWN = 40
LINES_SHOWN = 3

_BLOCKS = " ▁▂▃▄▅▆▇█"
_STYLES = {"good": "green", "busy": "blue", "bad": "red"}


def summary_parts(summary: Summary) -> Iterator[RenderableType]:
    """Give the figures, what to know of them, and the tables, to be printed one after another."""
    yield shown(summary.title, "bold")
    yield shown(" · ".join(summary.about), "dim")
    yield figure_table(summary.figures)
    yield Text()
    for note in summary.notes:
        yield shown(note, "yellow")
    for table in summary.tables:
        yield from table_parts(table, most=ROWS_SHOWN)


def table_parts(table: Table, most: int | None = None) -> Iterator[RenderableType]:
    """Give a table of at most so many rows, and what is to be known of it."""
    drawn = _grid(table.title)
    for column in table.columns:
        number = column.endswith("#")
        drawn.add_column(
            shown(column.rstrip("#")),
            justify="right" if number else "left",
            overflow="fold",
            no_wrap=number,
        )
    for row in table.rows[:most]:
        drawn.add_row(*map(_cell, row))
    yield drawn
    if most is not None and len(table.rows) > most:
        yield shown(f"and {len(table.rows) - most} more: --report FILE.html", "dim")
    if table.advice:
        yield shown(table.advice, "bold")
    for note in table.notes:
        yield shown(note, "dim")
    yield Text()


def figure_table(figures: Iterable[Figure], title: str = "") -> RichTable:
    """Give a row for each figure."""
    drawn = _grid(title)
    drawn.show_header = False
    for justify in ("left", "right", "left"):
        drawn.add_column(justify=justify, overflow="fold")
    for one in figures:
        drawn.add_row(*map(_cell, (one.title, one.value, one.more)))
    return drawn


def shown(text: str, style: str = "") -> Text:
    """Give a text with nothing in it that a terminal would obey."""
    return Text(printable(text), style=style)


def say(console: Console, line: str, style: str = "yellow") -> None:
    """Print one line that a terminal breaks where it likes."""
    console.print(shown(line, style), soft_wrap=True)


def _grid(title: str) -> RichTable:
    return RichTable(
        title=shown(title, "bold") if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )


def _cell(cell: Cell) -> Text:
    match cell:
        case Toned(text, tone):
            return shown(text, _STYLES[tone])
        case str():
            return shown(cell)
        case Link(text):
            return shown(text)
        case Bars(counts):
            return shown(_blocks(counts))
        case lines:
            more = len(lines) - LINES_SHOWN
            told = [*lines[:LINES_SHOWN], *([f"and {more} more"] if more > 0 else [])]
            return Text("\n").join(map(_cell, told))


def _blocks(counts: tuple[int, ...]) -> str:
    """Bars a line high; what was met at all is seen."""
    most = max(counts, default=0)
    return "".join(
        _BLOCKS[-(-count * (len(_BLOCKS) - 1) // most)] if most else " " for count in counts
    )
