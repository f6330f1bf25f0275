"""Things counted by reason, with the first of each. Memory is bounded, whatever comes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass, field

from backend.pages.summary import Link, Table
from backend.runs.ledger import TaskKey

__all__ = ["MAX_EXAMPLES", "Example", "FailureFigures", "Reasons", "failure_table", "reason_table"]

#: Things named in a report, per reason; the ledger has all that failed.
MAX_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Example:
    """One thing, and what else is to be said of it."""

    task: TaskKey
    message: str


@dataclass(frozen=True, slots=True)
class FailureFigures:
    """Failures of one kind: how many tasks, and the first of them."""

    kind: str
    tasks: int
    examples: tuple[Example, ...]


@dataclass(slots=True)
class _Sum:
    count: int = 0
    examples: list[Example] = field(default_factory=list)


class Reasons:
    """Running counts; reasons are ours, and few."""

    def __init__(self) -> None:
        self._sums: dict[str, _Sum] = {}

    def add(self, reason: str, what: TaskKey, more: str = "") -> None:
        """Count one thing."""
        found = self._sums.setdefault(reason, _Sum())
        found.count += 1
        if len(found.examples) < MAX_EXAMPLES:
            found.examples.append(Example(what, more))

    def ranked(self) -> Iterator[tuple[str, int, tuple[Example, ...]]]:
        """Give the most frequent reason first, with its count and examples."""
        for reason, found in sorted(self._sums.items(), key=lambda item: -item[1].count):
            yield reason, found.count, tuple(found.examples)


def _nowhere(what: TaskKey) -> str:
    return ""


def failure_table(
    failures: Iterable[FailureFigures],
    ledger: str,
    address: Callable[[TaskKey], str] = _nowhere,
) -> Table:
    """Give what failed and why; `ledger` holds all of it, where it is not empty. `address` leads to a task."""
    note = f"All of them: {ledger}" if ledger else ""
    return reason_table("Failed, by reason", "images", map(astuple, failures), note, address)


def reason_table(
    title: str,
    counted: str,
    rows: Iterable[tuple[str, int, Iterable[tuple[TaskKey, str]]]],
    note: str = "",
    address: Callable[[TaskKey], str] = _nowhere,
) -> Table:
    """Give a table of reasons: how many of what, and the first of them, each with what is to be said of it.

    `address` leads to one of them; an empty one leads nowhere.
    """
    cells = [
        (
            reason,
            f"{count:,}",
            tuple(
                Link(f"{what}: {more}" if more else str(what), address(what))
                for what, more in examples
            ),
        )
        for reason, count, examples in rows
    ]
    columns = ("reason", f"{counted}#", "for example")
    return Table(title, columns, cells, (note,) if note else ())
