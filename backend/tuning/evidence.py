"""What reviews say of each label's boxes: which score was right, and what a lower threshold would have shown.

A box that a person left there with its label, wherever they moved it, is right; one that they deleted or
gave another label is wrong. Raw answers that the workers' cache still holds say the same of boxes
below the threshold: right where a person drew one, else wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from backend.label_studio.records import TaskRow
from backend.review.annotation_review import AnnotationReview, Beginning, Fate
from backend.review.cached_answers import CachedAnswers, CachedBox
from backend.review.comparison import REPLACED_IOU
from backend.review.counts import RIGHT
from backend.review.result_content import DrawnThing
from backend.review.tally import Reviews
from models.boxes import iou
from models.matching import matched
from models.types import Box, Detection

__all__ = ["Evidence", "LabelKey", "OnImage", "ScoredBox"]

#: A control tag and its label.
LabelKey: TypeAlias = tuple[str, str]
#: Scores are stored with four decimals: closer than this they are the same.
_SAME_SCORE = 2e-4


@dataclass(frozen=True, slots=True)
class ScoredBox:
    """A raw score and whether it was right; `shown`: people saw it. `phrase` found it, as far as known."""

    score: float
    right: bool
    shown: bool = True
    phrase: str | None = None


@dataclass(frozen=True, slots=True)
class OnImage:
    """One label in one annotation. `there` counts what people left or drew of it.

    `known`: boxes below the threshold are among `boxes`. `task` tells images apart, `version` is that of the
    prediction.
    """

    task: int
    version: str
    boxes: tuple[ScoredBox, ...]
    there: int
    known: bool


@dataclass
class Evidence:
    """Takes reviews as `Reviews` does, which it also counts; `labels` are those that can be tuned.

    Not taken: what was submitted untouched in less time than looking takes, and what nobody saw.
    """

    reviews: Reviews
    labels: frozenset[LabelKey]
    answers: CachedAnswers | None = None
    found: dict[LabelKey, list[OnImage]] = field(default_factory=dict)

    @property
    def unread(self) -> int:
        return self.reviews.unread

    @unread.setter
    def unread(self, count: int) -> None:
        self.reviews.unread = count

    def is_counted(self, version: str) -> bool:
        """Whether annotations that began from this version count."""
        return self.reviews.is_counted(version)

    def add(self, one: AnnotationReview, task: TaskRow) -> None:
        """Take one annotation."""
        self.reviews.add(one, task)
        if one.began is not Beginning.PREDICTION or one.hasty:
            return
        if one.version is None or not self.is_counted(one.version):
            return
        cached = self.answers.boxes(task) if self.answers is not None else {}
        whole = bool(cached) and all(boxes is not None for boxes in cached.values())
        places: Mapping[tuple[str, int], Sequence[CachedBox]] = (
            {place: boxes or () for place, boxes in cached.items()} if whole else {}
        )
        for key in self.labels:
            made = _on_image(key, one, task.id, places, known=whole)
            if made is not None:
                self.found.setdefault(key, []).append(made)


def _on_image(
    key: LabelKey,
    one: AnnotationReview,
    task: int,
    places: Mapping[tuple[str, int], Sequence[CachedBox]],
    *,
    known: bool,
) -> OnImage | None:
    """What the annotation says of a label; `None` where there is nothing of it, seen or unseen."""
    regions = [each for each in one.regions if _predicted(each.thing) == key]
    missed = [each.thing for each in one.added if each.key == key]
    missed += [
        each.now
        for each in one.regions
        if each.fate is Fate.RELABELLED and each.now is not None and _key(each.now) == key
    ]
    answers = {
        place: [box for box in boxes if (box.control, box.label) == key]
        for place, boxes in places.items()
    }
    boxes: list[ScoredBox] = []
    for each in regions:
        answer = _taken(each.thing, answers)
        known = known and (answer is not None or each.thing.box is None)
        phrase = answer.phrase if answer is not None else None
        score = each.thing.raw_score or 0.0
        boxes.append(ScoredBox(score, each.fate in RIGHT, phrase=phrase))
    there = sum(box.right for box in boxes) + len(missed)
    if known:
        boxes += _hidden(answers, missed)
    if not boxes and not there:
        return None
    return OnImage(task, one.version or "", tuple(boxes), there, known)


def _taken(
    thing: DrawnThing, answers: Mapping[tuple[str, int], list[CachedBox]]
) -> CachedBox | None:
    """The answer that a predicted region was made of, taken out of the others; `None` if it is not there."""
    here, score = answers.get(thing.place, []), thing.raw_score or 0.0
    found = [
        (iou(box.box, thing.box), number)
        for number, box in enumerate(here)
        if thing.box is not None and abs(box.score - score) <= _SAME_SCORE
    ]
    shared, number = max(found, default=(0.0, 0))
    return here.pop(number) if shared >= REPLACED_IOU else None


def _hidden(
    answers: Mapping[tuple[str, int], Iterable[CachedBox]], missed: Sequence[DrawnThing]
) -> Iterator[ScoredBox]:
    """The answers that were not shown: right where a person drew one, each once."""
    for place, boxes in answers.items():
        there: list[tuple[str, Box]] = [
            ("", thing.box) for thing in missed if thing.place == place and thing.box is not None
        ]
        # One that the threshold would show was left out for another reason: by what a head has learned.
        hidden = [box for box in boxes if not (box.shown and box.may_be_left_out)]
        found = [Detection(box.box, "", box.score) for box in hidden]
        met = matched(found, there, least_iou=REPLACED_IOU)
        for number, box in enumerate(hidden):
            yield ScoredBox(box.score, number in met, shown=False, phrase=box.phrase)


def _key(thing: DrawnThing) -> LabelKey:
    return thing.control, thing.label


def _predicted(thing: DrawnThing) -> LabelKey:
    """The label whose threshold showed it, which may be another one than the label that it shows."""
    return thing.control, thing.predicted_label
