"""What is counted of reviews: by label, by tag, by group of annotations, by score. Memory stays flat."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from backend.review.annotation_review import AnnotationReview, Fate, RegionReview, StatementReview

__all__ = ["RIGHT", "GroupCounts", "LabelCounts", "ScoreBins", "TagCounts", "middle_of"]

#: Steps of the reliability plot, from 0 to 1.
BINS = 10
#: The label was right and the thing was there.
RIGHT = frozenset({Fate.KEPT, Fate.MOVED, Fate.REPLACED})


def middle_of(values: Sequence[float]) -> float | None:
    """The median; `None` of nothing."""
    return median(values) if values else None


@dataclass(slots=True)
class LabelCounts:
    """One label of one tag, as it was predicted; `relabelled_to` counts regions that people made it."""

    fates: Counter[Fate] = field(default_factory=Counter)
    #: How much moved regions overlap with what they are now.
    moved_ious: array[float] = field(default_factory=lambda: array("d"))
    added: int = 0
    relabelled_to: int = 0
    unseen: int = 0

    @property
    def predicted(self) -> int:
        """Predicted regions that somebody reviewed."""
        return self.fates.total()

    def add(self, one: RegionReview) -> None:
        """Count a predicted region."""
        self.fates[one.fate] += 1
        if one.fate is Fate.MOVED and one.iou is not None:
            self.moved_ious.append(one.iou)

    def __iadd__(self, other: LabelCounts) -> LabelCounts:
        self.fates += other.fates
        self.moved_ious += other.moved_ious
        self.added += other.added
        self.relabelled_to += other.relabelled_to
        self.unseen += other.unseen
        return self


@dataclass(slots=True)
class TagCounts:
    """One tag for choices, texts or numbers; `values` counts what becomes of each choice."""

    kind: str
    fates: Counter[str] = field(default_factory=Counter)
    values: dict[str, Counter[str]] = field(default_factory=dict)
    unseen: int = 0

    def add(self, one: StatementReview) -> None:
        """Count what a tag said of an image or of a region."""
        self.fates[one.fate] += 1
        if self.kind != "choice":
            return
        before = set(one.before.values if one.before is not None else ())
        after = set(one.after.values if one.after is not None else ())
        for fate, values in (
            ("kept", before & after), ("removed", before - after), ("added", after - before)
        ):  # fmt: skip
            for value in values:
                self.values.setdefault(value, Counter())[fate] += 1


@dataclass(slots=True)
class GroupCounts:
    """Reviewed annotations of one version, annotator or day."""

    annotations: int = 0
    predicted: int = 0
    kept: int = 0
    edits: int = 0
    seconds: array[float] = field(default_factory=lambda: array("d"))

    def add(self, one: AnnotationReview) -> None:
        """Count an annotation that began from a prediction."""
        self.annotations += 1
        self.predicted += len(one.regions)
        self.kept += sum(region.fate is Fate.KEPT for region in one.regions)
        self.edits += one.edits
        if one.annotation.lead_time is not None:
            self.seconds.append(one.annotation.lead_time)

    def __iadd__(self, other: GroupCounts) -> GroupCounts:
        self.annotations += other.annotations
        self.predicted += other.predicted
        self.kept += other.kept
        self.edits += other.edits
        self.seconds += other.seconds
        return self


@dataclass(slots=True)
class ScoreBins:
    """Predicted regions by the prediction's score: how many, how many right, and the sum of scores."""

    counts: list[int] = field(default_factory=lambda: [0] * BINS)
    right: list[int] = field(default_factory=lambda: [0] * BINS)
    scores: list[float] = field(default_factory=lambda: [0.0] * BINS)

    def add(self, one: RegionReview) -> None:
        """Count a region that has a score; wherever it was moved, it is right with its label."""
        score = one.thing.score
        if score is None or not 0 <= score <= 1:
            return
        number = min(BINS - 1, int(score * BINS))
        self.counts[number] += 1
        self.right[number] += one.fate in RIGHT
        self.scores[number] += score
