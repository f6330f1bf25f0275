"""How commands end: one table of exit codes for all of them. docs/settings.md shows it, and so does `--help`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from backend.errors import FirstpassError
from backend.processes.supervisor import ending_signals

__all__ = [
    "AMISS",
    "COMMANDS",
    "DONE",
    "HUNG",
    "MEANINGS",
    "NOT_DONE",
    "SOME_FAILED",
    "STOPPED",
    "exit_codes",
    "going_on",
    "without_all_pictures",
]

DONE, AMISS, NOT_DONE, SOME_FAILED, HUNG, STOPPED = 0, 1, 2, 3, 70, 130

MEANINGS = {
    DONE: "done, and all is well",
    AMISS: "done, but something needs a look",
    NOT_DONE: "not done; one sentence says why",
    SOME_FAILED: "done, but some images failed, each with its reason",
    HUNG: "a batch hung or the device was lost; start the worker again",
    STOPPED: "interrupted; the same command goes on",
}
#: Which commands end so; with the codes that are not here, every command may end.
COMMANDS = {
    AMISS: ("connect", "demo", "doctor", "drain", "health", "retry", "status"),
    SOME_FAILED: ("evaluate", "index", "prelabel"),
    HUNG: ("worker",),
    STOPPED: ("evaluate", "index", "models pull", "prelabel"),
}


def exit_codes(command: str) -> str:
    """The codes that a command ends with, for the foot of its help.

    >>> exit_codes("models pull").splitlines()[-1]
    '130 interrupted; the same command goes on'
    """
    codes = (
        f"{code:<3} {meaning}"
        for code, meaning in MEANINGS.items()
        if code not in COMMANDS or command in COMMANDS[code]
    )
    return "\n".join(("Exit codes:", *codes))


@contextmanager
def going_on() -> Iterator[None]:
    """End with `STOPPED` where a signal ends the block, which the same command takes up again."""
    try:
        with ending_signals():
            yield
    except KeyboardInterrupt:
        typer.echo("Stopped. The same command goes on from here.", err=True)
        raise typer.Exit(STOPPED) from None


@contextmanager
def without_all_pictures(say: Callable[[str], object]) -> Iterator[None]:
    """Let what ends the drawing of pictures end nothing more: the report is whole without, and `say` is told."""
    try:
        yield
    except KeyboardInterrupt:
        say("pictures are missing on the page: drawing them was interrupted")
    except FirstpassError as error:
        say(f"pictures are missing on the page: {error}")
