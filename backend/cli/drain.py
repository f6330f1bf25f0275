"""`firstpass drain`: workers finish what they hold and take no more, until they are let go on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from backend.cli.ends import AMISS
from backend.cli.options import STATE, with_settings
from backend.cli.status import open_redis
from backend.errors import SettingsError
from backend.place import how_to_run
from backend.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

    from backend.queue.drain import Undone
    from backend.queue.worker_card import WorkerCard

__all__ = ["drain"]

LOOK_EVERY_S = 0.3
#: What a worker may take beside its batch: until it looks, and to give back what it has not begun.
MARGIN_S = 30.0


@with_settings(*STATE)
def drain(
    settings: Settings,
    workers: Annotated[
        list[str] | None,
        typer.Argument(
            help="Workers as `firstpass status` names them, e.g. gpu-1:17.", metavar="WORKER"
        ),
    ] = None,
    on: Annotated[
        str | None, typer.Option(help="All workers of this host.", metavar="HOST")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="All workers.")] = False,
    undo: Annotated[
        bool, typer.Option(help="Let them take images again; alone: all of them.")
    ] = False,
    patience_s: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Seconds to wait until they hold nothing; unset: as long as a batch may take, and 30 more.",
        ),
    ] = None,
) -> None:
    """Have workers finish what they hold and take no more images.

    They give back what they have not begun, stay up with their models, and end
    at once when told to. Started again they take nothing either, until --undo,
    or for a day.

    Examples:
      firstpass drain --all
      firstpass drain --undo
    """
    from backend.queue.drain import EVERYBODY, Drains, host_mark
    from backend.status.reading import read_overview
    from backend.wording import printable

    if not (undo or workers or on or everybody):
        raise SettingsError("expected WORKERs, --on HOST or --all: whom to drain")
    with open_redis(settings) as connection:
        names = [f"worker:{worker}" for worker in workers or ()]
        names += [host_mark(on)] if on else []
        names += [EVERYBODY] if everybody else []
        drains, console = Drains(connection), Console(soft_wrap=True)
        if undo:
            # With `all` goes every mark: one for a host would go on holding its workers back.
            undone = drains.undo(None if everybody or not names else names)
            alive = read_overview(connection, failures=0).alive
            freed, sentences = _undone(undone, alive, names, settings.runs_in)
            for sentence in sentences:
                console.print(Text(printable(sentence)))
            if names and not freed:
                raise typer.Exit(AMISS)
            return
        chosen = _chosen(connection, names)
        until = drains.mark(names)
        seconds = settings.job_timeout_s + MARGIN_S if patience_s is None else patience_s
        late = _wait(connection, chosen, until, seconds)
    _report(console, chosen, late, seconds, settings.runs_in)
    if late:
        raise typer.Exit(AMISS)


def _undone(
    undone: Undone, alive: Sequence[WorkerCard], names: Sequence[str], runs_in: str
) -> tuple[bool, list[str]]:
    """Whether anything came of it, and what is true afterwards."""
    from backend.queue.drain import marks_for
    from backend.status.wording import worker_name

    heeds = {worker_name(card): set(marks_for(card.host, card.pid)) for card in alive}
    freed = [name for name, marks in heeds.items() if marks & undone.taken_back]
    free = [name for name in freed if not heeds[name] & undone.left]
    held = {
        name: sorted(marks & undone.left)
        for name, marks in heeds.items()
        if marks & undone.left and (not names or marks & {*names, *undone.taken_back})
    }
    said = []
    if not undone.taken_back:
        whom = f" of {', '.join(names)}" if names else ""
        said.append(f"There was no mark{whom} to take back; nothing changed.")
    elif not freed:
        said.append(
            f"Taken back: {', '.join(sorted(undone.taken_back))}. No worker that it was for is alive."
        )
    if free:
        said.append(f"Drained no more: {', '.join(free)}.")
    said += [
        f"Still drained: {name}, by the mark {' and '.join(marks)}." for name, marks in held.items()
    ]
    others = sorted(undone.left - {mark for marks in held.values() for mark in marks})
    if others:
        said.append(f"Other marks in force: {', '.join(others)}.")
    if undone.left:
        said.append(f"{how_to_run('drain --undo', runs_in)} takes every mark back.")
    return bool(undone.taken_back), said


def _chosen(connection: redis.Redis, names: Sequence[str]) -> list[WorkerCard]:
    """The living workers that the marks are for. Raises `SettingsError` for a mark of none."""
    from backend.queue.drain import EVERYBODY, marks_for
    from backend.status.reading import read_overview
    from backend.status.wording import worker_name

    alive = read_overview(connection, failures=0).alive
    heeded = {name for card in alive for name in marks_for(card.host, card.pid)}
    unknown = [name.partition(":")[2] for name in names if name not in heeded and name != EVERYBODY]
    if unknown:
        known = ", ".join(worker_name(card) for card in alive) or "none"
        raise SettingsError(f"no worker {', '.join(unknown)} is alive; alive: {known}")
    return [card for card in alive if set(marks_for(card.host, card.pid)) & set(names)]


def _wait(
    connection: redis.Redis, chosen: Sequence[WorkerCard], until: float, seconds: float
) -> list[WorkerCard]:
    """Return when all hold nothing, or have ended; those that do not within so many seconds."""
    from backend.status.reading import read_overview

    deadline = time.monotonic() + seconds
    names = {card.name for card in chosen}
    while True:
        now = read_overview(connection, failures=0)
        late = [
            card
            for card in now.workers
            # An older mark's answer is none to this one: it may have gone on in between.
            if card.name in names and card.drained_until < until
        ]
        if not late or time.monotonic() >= deadline:
            return late
        time.sleep(LOOK_EVERY_S)


def _report(
    console: Console,
    chosen: Sequence[WorkerCard],
    late: Sequence[WorkerCard],
    seconds: float,
    runs_in: str,
) -> None:
    from backend.status.wording import worker_name
    from backend.wording import printable

    late_names = {card.name for card in late}
    for card in chosen:
        said = "holds nothing and takes nothing"
        if card.name in late_names:
            said = (
                f"has not said within {seconds:g} s that it holds nothing: its batch takes longer, it hangs, or "
                "it is of a version that knows no draining; SIGTERM ends it after its batch"
            )
        console.print(Text(printable(f"worker {worker_name(card)} {said}")))
    if not chosen:
        console.print(Text("No worker is alive; those that are started take nothing."))
    console.print(Text(f"{how_to_run('drain --undo', runs_in)} lets them go on."))
