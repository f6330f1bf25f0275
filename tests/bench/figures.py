"""What a benchmark found, next to what was asked of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from statistics import median
from typing import Any

__all__ = ["Figure", "Target", "alternate", "percentile", "ratios"]


@dataclass(frozen=True, slots=True)
class Target:
    """A bound that a figure has to keep: from below with `at_least`, else from above."""

    bound: float
    at_least: bool = False

    def missed_by(self, value: float) -> float:
        """How far a value lies beyond the bound; 0 when it keeps it.

        >>> Target(4.0, at_least=True).missed_by(3.5)
        0.5
        """
        beyond = self.bound - value if self.at_least else value - self.bound
        return max(0.0, beyond)

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One result. `against` names the alternative and what both sides measured; `raw` has all of it.

    A figure without a target is for information.
    """

    title: str
    value: float
    unit: str
    against: str
    target: Target | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the target is met; `None` without one."""
        return None if self.target is None else self.target.missed_by(self.value) == 0

    @property
    def verdict(self) -> str:
        """`met`, `missed by 0.4 x`, or nothing."""
        if self.target is None:
            return ""
        missed = self.target.missed_by(self.value)
        return f"missed by {missed:.2g}{self.unit}" if missed else "met"

    def as_json(self) -> dict[str, Any]:
        """The figure as plain JSON, with its verdict."""
        return {**asdict(self), "met": self.met, "verdict": self.verdict}


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share (0..1) of the values does not exceed.

    >>> percentile([4, 1, 3, 2], 0.5)
    2

    Raises `ValueError` without values.
    """
    if not values:
        raise ValueError("expected at least one value, got none")
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours over theirs, round by round.

    >>> ratios([8, 9], [2, 3])
    [4.0, 3.0]
    """
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def alternate(
    rounds: int, first: Callable[[int], float], second: Callable[[int], float]
) -> tuple[list[float], list[float], float]:
    """Both sides measured in turn, A B A B; and the median of the ratios of neighbours, A over B.

    What else the machine does comes and goes: of neighbours it mostly slows both.
    """
    ours, theirs = [], []
    for number in range(rounds):
        ours.append(first(number))
        theirs.append(second(number))
    return ours, theirs, median(ratios(ours, theirs))
