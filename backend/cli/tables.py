"""An overview as tables for a terminal. What comes from elsewhere is shown, never obeyed."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from backend.status.overview import Overview
from backend.status.verdict import notes, problems
from backend.status.wording import queue_title, redis_line, seconds, worker_name
from backend.wording import duration, images, printable, tasks

__all__ = ["failure_tables", "overview_tables"]


def overview_tables(overview: Overview) -> Iterator[RenderableType]:
    """What is wrong, then queues, workers, cache, times and Redis, then what is worth knowing."""
    yield from _verdict(overview)
    yield _queues(overview)
    if overview.workers:
        yield _workers(overview)
    yield from _lines(overview)
    if any(histogram.count for histogram in overview.histograms):
        yield _stages(overview)
    for note in notes(overview):
        yield Text(f"Note: {note}")


def failure_tables(overview: Overview) -> Iterator[RenderableType]:
    """The images that failed, newest first, with why and how often they were tried."""
    yield from _verdict(overview)
    if not overview.failures:
        yield Text(
            f"{images(overview.failed_images)} failed."
            if overview.failed_images
            else "No image has failed."
        )
        return
    table = _table("Failures, newest first", "id", "image or task, and why", "tries#", "age#")
    for record in overview.failures:
        why = Text(f"\n{printable(record.kind)}: ", style="bold").append(
            printable(record.message), style="not bold"
        )
        table.add_row(
            Text(printable(record.short_id)),
            Text(printable(record.image)).append_text(why),
            Text(str(record.attempts)),
            Text(duration(overview.at - record.at)),
        )
    yield table
    more = overview.failed_images - len(overview.failures)
    if more > 0:
        yield Text(f"and {images(more)} more: --most {overview.failed_images}")
    yield Text("`firstpass retry` puts them back into the queue; with --kind or ids, only those.")


def _verdict(overview: Overview) -> Iterator[Text]:
    wrong = problems(overview)
    if not wrong:
        yield Text("All is well.", style="green")
    for problem in wrong:
        yield Text(f"! {printable(problem)}", style="bold red")


def _queues(overview: Overview) -> Table:
    table = _table("Queues", "queue", "waiting#", "the oldest for#", "in work#", "failed in a day#")
    for queue in overview.queues:
        _row(
            table,
            queue_title(queue.name),
            f"{queue.waiting:,}",
            duration(queue.oldest_s),
            f"{queue.leased:,}",
            f"{queue.failed:,}",
        )
    return table


def _workers(overview: Overview) -> Table:
    table = _table(
        "Workers", "worker", "device", "model", "state", "heartbeat", "batch#", "img/s#", "15 min#", "memory#"
    )  # fmt: skip
    for card in overview.workers:
        _row(
            table,
            worker_name(card),
            card.device,
            card.model,
            "silent" if card.is_late(overview.at) else card.state,
            f"{duration(card.silent_s(overview.at))} ago",
            str(card.batch_size),
            f"{card.rate_1m:.2f}",
            f"{card.rate_15m:.2f}",
            f"{card.memory_mb:,} MB",
            style="red" if card.is_late(overview.at) else "",
        )
    return table


def _stages(overview: Overview) -> Table:
    table = _table("Times", "stage", "measured#", "mean#", "half within#", "95 % within#")
    for histogram in overview.histograms:
        _row(
            table,
            histogram.stage,
            f"{histogram.count:,}",
            seconds(histogram.mean_s),
            seconds(histogram.within_s(0.5)),
            seconds(histogram.within_s(0.95)),
        )
    return table


def _lines(overview: Overview) -> Iterator[Text]:
    if overview.waiting and overview.seconds_left is not None:
        yield Text(
            f"{images(overview.waiting)} wait: about {duration(overview.seconds_left)} left "
            f"at {overview.images_per_s:.2f} images/s"
        )
    asked, rate = overview.submissions, overview.submissions.hit_rate
    if rate is not None:
        yield Text(
            f"Cache: {rate:.0%} answered at once ({asked.hit:,} hit, {asked.joined:,} joined, "
            f"{asked.queued:,} queued, {asked.busy:,} refused)"
        )
    if overview.courier is not None or overview.owed_tasks:
        yield Text(printable(f"Late delivery: {_delivery(overview)}"))
    if line := redis_line(overview.redis):
        yield Text(printable(line))


def _delivery(overview: Overview) -> str:
    courier, owed = overview.courier, f"{tasks(overview.owed_tasks)} owed"
    if courier is None:
        return f"{owed}, no courier alive"
    return (
        f"{owed}; courier {worker_name(courier)} for {courier.label_studio_url}, heartbeat "
        f"{duration(courier.silent_s(overview.at))} ago: {courier.stored:,} stored, "
        f"{courier.failed:,} failed since its start"
    )


def _table(title: str, *columns: str) -> Table:
    """Columns whose titles end in `#` hold figures; the sign is not shown."""
    table = Table(
        title=Text(title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for column in columns:
        number = column.endswith("#")
        table.add_column(column.rstrip("#"), overflow="fold", justify="right" if number else "left")
    return table


def _row(table: Table, *cells: str, style: str = "") -> None:
    table.add_row(*(Text(printable(cell)) for cell in cells), style=style)
