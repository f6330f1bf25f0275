"""What a bulk run leaves out, counted by reason. Memory is bounded, whatever comes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from backend.bulk.tally import MAX_EXAMPLES, Example
from backend.runs.ledger import TaskKey

__all__ = ["PART_OF_A_TASK", "LeftOut", "LeftOutFigures"]

PART_OF_A_TASK = "image, page or choice of a task that is predicted otherwise"


@dataclass(frozen=True, slots=True)
class LeftOutFigures:
    """One reason: how much was left out for it, and the first of that."""

    reason: str
    count: int
    examples: tuple[Example, ...]


@dataclass(slots=True)
class _Sum:
    count: int = 0
    examples: list[Example] = field(default_factory=list)


class LeftOut:
    """Running counts over one start of a run.

    >>> left_out = LeftOut()
    >>> left_out.add("an SVG drawing", "a.svg")
    >>> left_out.words()
    'an SVG drawing (1)'
    """

    def __init__(self) -> None:
        self._sums: dict[str, _Sum] = {}

    def add(self, reason: str, what: TaskKey, more: str = "") -> None:
        """Count one file or part of a task; reasons are ours, and few."""
        found = self._sums.setdefault(reason, _Sum())
        found.count += 1
        if len(found.examples) < MAX_EXAMPLES:
            found.examples.append(Example(what, more))

    def figures(self) -> tuple[LeftOutFigures, ...]:
        """The most frequent reason first."""
        return tuple(self._figures())

    def words(self) -> str:
        """All of it in one line; empty where nothing was left out."""
        return "; ".join(f"{one.reason} ({one.count:,})" for one in self.figures())

    def _figures(self) -> Iterator[LeftOutFigures]:
        for reason, found in sorted(self._sums.items(), key=lambda item: -item[1].count):
            yield LeftOutFigures(reason, found.count, tuple(found.examples))
