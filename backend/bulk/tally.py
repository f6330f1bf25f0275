"""Adds up predictions and failures to what a report says. Memory is bounded, whatever comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from backend.bulk.marks import Marks
from backend.errors import Failure
from backend.runs.ledger import Ledger, TaskKey
from backend.runs.reasons import FailureFigures, Reasons

__all__ = ["LabelFigures", "Tally", "tally_of"]

#: Labels that come from tasks (dynamic choices) may be without number; more are added up as one.
MAX_LABELS = 10_000
OTHER_LABELS = "(all further labels)"
#: Equal parts of 0..1 that scores are counted in.
PARTS = 20


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label or choice over all images; `mean_score` in 0..1 is `None` where none has a score."""

    control: str
    label: str
    regions: int
    images: int
    mean_score: float | None
    #: Scores in each twentieth of 0..1, the lowest first; empty where there are none.
    scores: tuple[int, ...] = ()


@dataclass(slots=True)
class _LabelSum:
    regions: int = 0
    images: int = 0
    scored: int = 0
    score_sum: float = 0.0
    scores: list[int] = field(default_factory=lambda: [0] * PARTS)


class Tally:
    """Running sums over the tasks of one run."""

    def __init__(self) -> None:
        self.predicted = 0
        self.failed = 0
        #: Regions drawn, in all.
        self.regions = 0
        #: Predictions that say nothing at all, and those that draw nothing.
        self.empty = 0
        self.undrawn = 0
        self._labels: dict[tuple[str, str], _LabelSum] = {}
        self._failures = Reasons()

    def add(self, marks: Marks) -> None:
        """Count one prediction."""
        self.predicted += 1
        self.regions += marks.regions
        self.empty += marks.entries == 0
        self.undrawn += marks.regions == 0
        for mark in marks.labels:
            total = self._label(mark.control, mark.label)
            total.regions += mark.regions
            total.images += 1
            total.scored += mark.scored
            total.score_sum += mark.score_sum
            for percent in mark.percents:
                total.scores[min(PARTS - 1, percent * PARTS // 100)] += 1

    def fail(self, task: TaskKey, failure: Failure) -> None:
        """Count one task that has no prediction."""
        self.failed += 1
        self._failures.add(failure.kind, task, failure.message)

    @property
    def regions_per_image(self) -> float:
        """Mean number of regions drawn; 0 before anything is predicted."""
        return self.regions / self.predicted if self.predicted else 0.0

    def labels(self) -> Iterator[LabelFigures]:
        """By control in the order met, the most frequent label first."""
        controls = list(dict.fromkeys(control for control, _ in self._labels))
        ranked = sorted(
            self._labels.items(), key=lambda item: (controls.index(item[0][0]), -item[1].regions)
        )
        for (control, label), total in ranked:
            mean = round(total.score_sum / total.scored, 4) if total.scored else None
            scores = tuple(total.scores) if any(total.scores) else ()
            yield LabelFigures(control, label, total.regions, total.images, mean, scores)

    def failures(self) -> Iterator[FailureFigures]:
        """The most frequent kind first."""
        return (FailureFigures(*one) for one in self._failures.ranked())

    def _label(self, control: str, label: str) -> _LabelSum:
        key = (control, label)
        if key not in self._labels and len(self._labels) >= MAX_LABELS:
            key = (control, OTHER_LABELS)
        return self._labels.setdefault(key, _LabelSum())


def tally_of(ledger: Ledger, *, this_start: bool = False) -> Tally:
    """Predictions and failures of a run; of the tasks noted by this start only, if so asked."""
    tally = Tally()
    for task, outcome in ledger.outcomes(this_start=this_start):
        if isinstance(outcome, Failure):
            tally.fail(task, outcome)
        else:
            tally.add(Marks.from_json(outcome))
    return tally
