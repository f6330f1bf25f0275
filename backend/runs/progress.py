"""How far a long run is: a live line on a terminal, else a plain line now and then."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from backend.wording import duration, printable

__all__ = ["Progress", "showing_progress"]

#: Speed is that of the last minutes: models and networks do not keep the pace of their first seconds.
PACE_S = 300.0
#: Between two lines where nobody watches a terminal.
LINE_EVERY_S = 30.0


class Progress:
    """Counts what is done; made by `showing_progress`."""

    def __init__(
        self,
        show: Callable[[Progress], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        things: str = "",
    ) -> None:
        """`things` names what is counted in what is made, such as regions; empty: nothing is."""
        self.total: int | None = None
        self.made = self.failed = self.things = 0
        #: What it waits for, where it waits; empty while it works.
        self.waits_for = ""
        self._show, self._clock, self._counted = show, clock, things
        self._trail: deque[tuple[float, int]] = deque()
        self._pace: float | None = None

    def begin(self, total: int | None, *, made: int = 0, failed: int = 0, things: int = 0) -> None:
        """So many tasks in all (`None`: not known), of which these were done by earlier starts."""
        self.total, self.made, self.failed, self.things = total, made, failed, things
        self._trail.clear()
        self._note()

    def advance(self, *, made: int = 0, failed: int = 0, things: int = 0) -> None:
        """So many more are done; a negative number of `failed` is tried again."""
        self.made += made
        self.failed += failed
        self.things += things
        if failed < 0:  # what is done again tells no pace
            self._trail.clear()
        self._note()

    def wait_for(self, what: str) -> None:
        """Say what the run waits for; an empty text: nothing any more."""
        self.waits_for = what
        self._show(self)

    @property
    def images_per_s(self) -> float | None:
        """Over the last minutes; `None` while it waits, and before there is anything to go by."""
        return None if self.waits_for else self._pace

    @property
    def done(self) -> int:
        return self.made + self.failed

    @property
    def line(self) -> str:
        """Failed, speed, things per image and time left, in words."""
        speed = self.images_per_s
        parts = [f"{self.failed:,} failed"] if self.failed else []
        if speed is not None:
            parts.append(f"{speed:.2f} images/s")
        if self.made and self._counted:
            parts.append(f"{self.things / self.made:.1f} {self._counted} per image")
        if speed and self.total is not None and self.done <= self.total:
            parts.append(f"{duration((self.total - self.done) / speed)} left")
        if self.waits_for:
            parts.append(printable(self.waits_for))
        return ", ".join(parts)

    def _note(self) -> None:
        now = self._clock()
        self._trail.append((now, self.done))
        while len(self._trail) > 2 and self._trail[0][0] < now - PACE_S:
            self._trail.popleft()
        (since, before), (now, after) = self._trail[0], self._trail[-1]
        self._pace = (after - before) / (now - since) if now > since else None
        self._show(self)


@contextmanager
def showing_progress(console: Console, things: str = "") -> Iterator[Progress]:
    """Progress that is shown on `console` until the block ends; `things`: see `Progress`."""
    if not console.is_terminal:
        yield Progress(_Lines(console).show, things=things)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=console, transient=True) as bar:
        shown = bar.add_task("starting", total=None)

        def show(progress: Progress) -> None:
            bar.update(
                shown, completed=progress.done, total=progress.total, description=progress.line
            )

        yield Progress(show, things=things)


class _Lines:
    """A line when it begins to wait for something else, and every half a minute."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said_at = float("-inf")
        self._waited_for = ""

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._said_at < LINE_EVERY_S and progress.waits_for == self._waited_for:
            return
        self._said_at, self._waited_for = now, progress.waits_for
        of = f" of {progress.total:,}" if progress.total is not None else ""
        more = f", {progress.line}" if progress.line else ""
        self._console.print(
            f"{progress.done:,}{of} images{more}", markup=False, highlight=False, soft_wrap=True
        )
