"""Figures of merit for boxes and scores against what is really there. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.matching import Ignored, judged
from models.types import Box, Detection

__all__ = [
    "THRESHOLDS",
    "Counts",
    "auroc",
    "best_threshold",
    "calibration_error",
    "count_boxes",
]

#: Score thresholds that are tried, 0 to 0.9: finer steps would be fitted to chance.
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(19))


@dataclass(frozen=True, slots=True)
class Counts:
    """Boxes given, boxes really there, and how many of them meet."""

    hits: int = 0
    given: int = 0
    there: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.hits + other.hits, self.given + other.given, self.there + other.there)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where nothing is there and nothing given.

        >>> Counts(hits=1, given=2, there=2).f1
        0.5
        """
        boxes = self.given + self.there
        return 2 * self.hits / boxes if boxes else 1.0

    @property
    def precision(self) -> float:
        """Share of the boxes given that are right."""
        return self.hits / self.given if self.given else 1.0

    @property
    def recall(self) -> float:
        """Share of the boxes there that were found."""
        return self.hits / self.there if self.there else 1.0


def count_boxes(
    found: Sequence[Detection],
    truth: Sequence[tuple[str, Box]],
    ignored: Sequence[Ignored] = (),
    *,
    least_iou: float,
) -> Counts:
    """Gives the counts for one image; what marks only something ignored is not counted as given."""
    verdicts = judged(found, truth, ignored, least_iou=least_iou)
    given = [verdict for verdict in verdicts if verdict is not None]
    return Counts(sum(given), len(given), len(truth))


def best_threshold(
    counts: Callable[[float], Counts], now: float
) -> tuple[float, dict[float, Counts]]:
    """Gives the threshold of the best F1, and the counts at each that was tried: `THRESHOLDS` and `now`.

    Of equals the one next to `now`: what makes nothing better changes nothing.

    >>> best_threshold(lambda least: Counts(hits=3, given=4 if least < 0.5 else 3, there=3), 0.3)[0]
    0.5
    """
    tried = {least: counts(least) for least in sorted({*THRESHOLDS, now})}
    best = max(tried, key=lambda least: (round(tried[least].f1, 9), -abs(least - now)))
    return best, tried


def auroc(scores: Sequence[float], truths: Sequence[bool]) -> float | None:
    """Gives the chance that a true one scores above a false one (ties half), `None` without both.

    >>> auroc([0.9, 0.8, 0.1], [True, False, False])
    1.0
    """
    ranked = sorted(range(len(scores)), key=lambda number: scores[number])
    ranks = [0.0] * len(scores)
    start = 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and scores[ranked[end]] == scores[ranked[start]]:
            end += 1
        for place in range(start, end):
            ranks[ranked[place]] = (start + end + 1) / 2
        start = end
    positives = sum(truths)
    negatives = len(truths) - positives
    if not positives or not negatives:
        return None
    above = sum(rank for rank, truth in zip(ranks, truths, strict=True) if truth)
    return (above - positives * (positives + 1) / 2) / (positives * negatives)


def calibration_error(
    scores: Sequence[float], truths: Sequence[bool], *, bins: int = 10
) -> float | None:
    """Gives the expected calibration error: mean distance of score and share of true ones, by bin.

    `None` without scores.

    >>> calibration_error([0.75, 0.75, 0.75, 0.75], [True, True, True, False])
    0.0
    """
    if not scores:
        return None
    groups: dict[int, list[tuple[float, bool]]] = {}
    for score, truth in zip(scores, truths, strict=True):
        groups.setdefault(min(bins - 1, int(score * bins)), []).append((score, truth))
    return sum(
        abs(sum(score for score, _ in group) - sum(truth for _, truth in group))
        for group in groups.values()
    ) / len(scores)
