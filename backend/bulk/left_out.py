"""What a bulk run leaves out, counted by reason. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from backend.runs.reasons import Example, Reasons

__all__ = ["PART_OF_A_TASK", "LeftOut", "LeftOutFigures"]

PART_OF_A_TASK = "image, page or choice of a task that is predicted otherwise"


@dataclass(frozen=True, slots=True)
class LeftOutFigures:
    """One reason: how much was left out for it, and the first of that."""

    reason: str
    count: int
    examples: tuple[Example, ...]


class LeftOut(Reasons):
    """Running counts over one start of a run.

    >>> left_out = LeftOut()
    >>> left_out.add("an SVG drawing", "a.svg")
    >>> left_out.words()
    'an SVG drawing (1)'
    """

    def figures(self) -> tuple[LeftOutFigures, ...]:
        """The most frequent reason first."""
        return tuple(LeftOutFigures(*one) for one in self.ranked())

    def words(self) -> str:
        """All of it in one line; empty where nothing was left out."""
        return "; ".join(f"{one.reason} ({one.count:,})" for one in self.figures())
