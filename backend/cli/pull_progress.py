"""How far a pull is, in bytes of all files: a live line on a terminal, else a plain line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from backend.wording import duration

__all__ = ["PlainPull", "showing_pull"]

#: Between two lines where nobody watches a terminal.
LINE_EVERY_S = 10.0


@contextmanager
def showing_pull(console: Console) -> Iterator[PlainPull | LivePull]:
    """Who is told how a pull goes on, and shows it on `console` until the block ends."""
    if not console.is_terminal:
        yield PlainPull(console)
        return
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield LivePull(bar)


class LivePull:
    """Bytes, speed and time left in one line that changes; `models.hub.pull.Watch`."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._shown: TaskID | None = None

    def expect(self, total: int, here: int) -> None:
        self._shown = self._bar.add_task("", total=total, completed=here)

    def gain(self, count: int) -> None:
        if self._shown is not None:
            self._bar.advance(self._shown, count)

    def note(self, text: str) -> None:
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)


class PlainPull:
    """The same in lines, for logs; `models.hub.pull.Watch`."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._total = self._here = self._before = 0
        self._began = self._said_at = 0.0

    def expect(self, total: int, here: int) -> None:
        self._total, self._here, self._before = total, here, here
        self._began = self._said_at = self._clock()
        rest = f", {_megabytes(here)} of them are here" if here else ""
        self.note(f"fetching {_megabytes(total)}{rest}")

    def gain(self, count: int) -> None:
        self._here += count
        now = self._clock()
        if now - self._said_at < LINE_EVERY_S:
            return
        self._said_at = now
        line = f"{self._here / 1e6:,.1f} of {_megabytes(self._total)}"
        speed = (self._here - self._before) / (now - self._began)
        if speed > 0:
            left = duration((self._total - self._here) / speed)
            line += f", {speed / 1e6:,.2f} MB/s, {left} left"
        self.note(line)

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
