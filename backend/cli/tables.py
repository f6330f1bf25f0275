"""An overview on a terminal. What comes from elsewhere is shown, never obeyed."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from backend.pages.terminal import figure_table, shown, table_parts
from backend.status.overview import Overview
from backend.status.summary import failure_rows, overview_summary
from backend.status.verdict import headline, notes, problems
from backend.status.wording import redis_line
from backend.wording import images

__all__ = ["failure_tables", "overview_tables"]


def overview_tables(overview: Overview) -> Iterator[RenderableType]:
    """What is wrong, then the figures, workers, queues, delivery, times and Redis, then what is worth knowing."""
    yield from _verdict(overview)
    if overview.redis.up:
        summary = overview_summary(overview)
        yield figure_table(summary.figures)
        yield Text()
        for table in summary.tables:
            yield from table_parts(table)
    if line := redis_line(overview.redis):
        yield shown(line)
    for note in notes(overview):
        yield Text(f"Note: {note}")


def failure_tables(overview: Overview) -> Iterator[RenderableType]:
    """The images that failed, and how to have them tried again."""
    yield from _verdict(overview)
    failed = overview.failed_images
    if not overview.failures:
        yield Text(f"{images(failed)} failed." if failed else "No image has failed.")
        return
    yield from table_parts(failure_rows(overview))
    more = failed - len(overview.failures)
    if more > 0:
        yield Text(f"and {images(more)} more: --most {failed}")
    yield Text("`firstpass retry` puts them back into the queue; with --kind or ids, only those.")


def _verdict(overview: Overview) -> Iterator[Text]:
    wrong, verdict = problems(overview), headline(overview)
    if not wrong:
        yield Text(f"{verdict.text}.", style="green" if verdict.tone == "good" else "yellow")
    for problem in wrong:
        yield shown(f"! {problem}", "bold red")
