"""Figures of merit for boxes and scores against what is really there. Pure functions.

`matched` is the one matcher of boxes: whatever is said of right and wrong boxes rests on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.boxes import inside_share, iou
from models.types import Box, Detection

__all__ = [
    "THRESHOLDS",
    "Counts",
    "Ignored",
    "auroc",
    "best_threshold",
    "calibration_error",
    "count_boxes",
    "is_true",
    "judged",
    "matched",
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


@dataclass(frozen=True, slots=True)
class Ignored:
    """A true box that nobody has to find, and that is no error to find: difficult, or a crowd.

    A crowd is met by any number of boxes that lie in it; a difficult thing by enough overlap.
    """

    phrase: str
    box: Box
    crowd: bool = False

    def is_met(self, found: Detection, least_iou: float) -> bool:
        """Says whether a detection marks it."""
        share = inside_share if self.crowd else iou
        return found.phrase == self.phrase and share(found.box, self.box) >= least_iou


def matched(
    found: Sequence[Detection], truth: Sequence[tuple[str, Box]], *, least_iou: float
) -> dict[int, int]:
    """Gives the number of the true box that a detection marks, for each detection that marks one.

    It marks a box of its own phrase that it overlaps enough. Each true box is met at most once, by the
    detection that overlaps it most, however sure.

    >>> dogs = [Detection(Box(0, 0, 9, 5), "dog", 0.9), Detection(Box(0, 0, 9, 9), "dog", 0.5)]
    >>> matched(dogs, [("dog", Box(0, 0, 9, 8))], least_iou=0.5)
    {1: 0}
    """
    pairs = sorted(
        (
            (overlap, one, other)
            for one, detection in enumerate(found)
            for other, (phrase, box) in enumerate(truth)
            if phrase == detection.phrase and (overlap := iou(detection.box, box)) >= least_iou
        ),
        key=lambda pair: -pair[0],
    )
    met: dict[int, int] = {}
    taken: set[int] = set()
    for _, one, other in pairs:
        if one not in met and other not in taken:
            met[one] = other
            taken.add(other)
    return met


def judged(
    found: Sequence[Detection],
    truth: Sequence[tuple[str, Box]],
    ignored: Sequence[Ignored] = (),
    *,
    least_iou: float,
) -> list[bool | None]:
    """Says of each detection whether it marks something there; `None`: only something ignored.

    >>> crowd = Ignored("dog", Box(0, 0, 90, 90), crowd=True)
    >>> judged([Detection(Box(0, 0, 9, 9), "dog", 0.5)], [], [crowd], least_iou=0.5)
    [None]
    """
    met = matched(found, truth, least_iou=least_iou)
    return [
        None
        if number not in met and any(each.is_met(one, least_iou) for each in ignored)
        else number in met
        for number, one in enumerate(found)
    ]


def is_true(
    found: Sequence[Detection], truth: Sequence[tuple[str, Box]], *, least_iou: float
) -> list[bool]:
    """Says of each detection whether it marks something there: same phrase, enough overlap.

    >>> is_true([Detection(Box(0, 0, 9, 9), "dog", 0.5)], [("dog", Box(0, 0, 9, 8))], least_iou=0.5)
    [True]
    """
    met = matched(found, truth, least_iou=least_iou)
    return [number in met for number in range(len(found))]


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
