"""What would be made of each example by examples of other groups, under rules that were chosen without it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from backend.learning.evidence import FloatArray
from backend.learning.groups import folds_of
from backend.learning.head_fit import LabelExamples, fitted_labels, fitted_unwanted
from backend.prediction.learned import MORE_UNWANTED
from models.clip.heads import label_logits, unwanted_share
from models.heads import HeadPart

__all__ = [
    "COST_OF_LOSS",
    "HeldOut",
    "Judged",
    "Rules",
    "Switches",
    "folds",
    "held_out",
    "rules_of",
]

FOLDS = 5
#: Shares of deleted examples from which on a box may be left out.
_LEASTS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
#: How sure it may have to be what is in a place where nothing was predicted.
_PLACE_LEASTS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
#: A box that was left out and is wanted has to be drawn anew, which costs more than deleting one.
COST_OF_LOSS = 2.0


@dataclass(frozen=True, slots=True)
class Judged:
    """The likeliest label of each example (its number), how likely, and the share of deleted ones; shape (n,)."""

    label: FloatArray
    share: FloatArray
    unwanted: FloatArray

    @property
    def sure(self) -> FloatArray:
        """How sure it is that the label is there."""
        found: FloatArray = self.share * (1 - self.unwanted)
        return found


@dataclass(frozen=True, slots=True)
class Rules:
    """`leasts`: from which share of deleted ones on a box is left out, by the number of its predicted label.
    `places`: how sure a label must be where nothing was predicted. Labels that gain nothing are in neither."""

    part: HeadPart
    leasts: dict[int, float]
    places: dict[int, float]


@dataclass(frozen=True, slots=True)
class Switches:
    """Numbers of labels: see `HeadPart`."""

    judged: frozenset[int] = frozenset()
    given: frozenset[int] = frozenset()
    unwanted: frozenset[int] = frozenset()
    places: frozenset[int] = frozenset()

    def without(self, part: str, label: int) -> Switches:
        """The same with one of them off."""
        return replace(self, **{part: getattr(self, part) - {label}})


@dataclass(frozen=True, slots=True)
class HeldOut:
    """`left_out` and `named`: whether each is left out, or named where nothing was predicted, were its label on."""

    judged: Judged
    left_out: FloatArray
    named: FloatArray

    def shown(self, predicted: FloatArray, labels: int, on: Switches) -> FloatArray:
        """The label that each is shown as, shape (n,); `labels` for what is not shown."""
        found = predicted.copy()
        label, is_place = self.judged.label, predicted == labels
        changed = _in(predicted, on.judged) & _in(label, on.given)
        changed &= ~is_place & (self.judged.unwanted < MORE_UNWANTED)
        found[changed] = label[changed]
        found[_in(predicted, on.unwanted) & self.left_out] = labels
        placed = is_place & _in(label, on.places) & self.named
        found[placed] = label[placed]
        return found


def held_out(examples: LabelExamples, start: HeadPart, texts: FloatArray) -> HeldOut:
    """Each example as the others let expect."""
    count, labels = len(examples.true), len(start.labels)
    found = Judged(np.zeros(count, int), np.zeros(count), np.zeros(count))
    left_out, named = np.zeros(count, bool), np.zeros(count, bool)
    near = examples.near()
    for train, test in folds(examples.groups):
        rules = rules_of(examples.only(train), start, texts)
        judged = _judged(rules.part, examples, texts, near, test)
        found.label[test], found.share[test] = judged.label, judged.share
        found.unwanted[test] = judged.unwanted
        predicted = examples.predicted[test]
        left_out[test] = judged.unwanted >= _each(rules.leasts, predicted)
        named[test] = (predicted == labels) & (judged.sure >= _each(rules.places, judged.label))
    return HeldOut(found, left_out, named)


def rules_of(examples: LabelExamples, start: HeadPart, texts: FloatArray) -> Rules:
    """The rules that these examples choose, each judged by those of other groups."""
    labels = len(start.labels)
    # Deleted ones have no label, and teach none.
    part = fitted_labels(start, examples, texts)
    if (examples.true == labels).any():
        part = fitted_unwanted(part, examples)
    if not len(examples.true):
        return Rules(part, {}, {})
    judged = _judged(part, examples, texts, examples.near(), np.ones(len(examples.true), bool))
    return Rules(part, _leasts(examples, judged, labels), _place_leasts(examples, judged, labels))


def folds(groups: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Masks of what is learned from and of what is tested, for each fold; none where nothing is left to learn from."""
    numbers = folds_of(groups, FOLDS)
    for fold in range(FOLDS):
        test = numbers == fold
        if test.any() and not test.all():
            yield ~test, test


def _judged(
    part: HeadPart, examples: LabelExamples, texts: FloatArray, near: FloatArray, which: FloatArray
) -> Judged:
    """Those that a mask names, by all of other groups."""
    labels = len(part.labels)
    logits = label_logits(
        part, near[which], examples.marks(labels), examples.vectors[which] @ texts.T
    )
    logits += part.predicted * examples.given(labels)[which]
    shares = np.exp(logits - logits.max(1, keepdims=True))
    deleted = (examples.true == labels).astype(np.float32)
    unwanted = np.zeros(len(logits))
    if deleted.any():
        known = near[which]
        known[~np.isfinite(known).any(1)] = 0.0
        unwanted = unwanted_share(part.unwanted_beta, known, deleted)
    return Judged(logits.argmax(1), shares.max(1) / shares.sum(1), unwanted)


def _leasts(examples: LabelExamples, judged: Judged, labels: int) -> dict[int, float]:
    """From which share on boxes of each predicted label are best left out; none where that saves nothing."""
    saves = np.where(examples.true == labels, 1.0, -COST_OF_LOSS)
    return _best(_LEASTS, examples.predicted, judged.unwanted, saves, range(labels))


def _place_leasts(examples: LabelExamples, judged: Judged, labels: int) -> dict[int, float]:
    """How sure each label must be where nothing was predicted; none where it is not worth naming."""
    return _best(
        _PLACE_LEASTS,
        np.where(examples.predicted == labels, judged.label, labels),
        judged.sure,
        place_gains(examples, judged, labels),
        range(labels),
    )


def place_gains(examples: LabelExamples, judged: Judged, labels: int) -> FloatArray:
    """Edits that are saved if each is named: a wrong name costs half of what a thing less to draw saves."""
    wrong = np.where(examples.true == labels, -1.0, -0.5)
    gains: FloatArray = np.where(examples.true == judged.label, 1.0, wrong)
    return gains


def _best(
    leasts: tuple[float, ...],
    keys: FloatArray,
    values: FloatArray,
    saves: FloatArray,
    labels: range,
) -> dict[int, float]:
    found: dict[int, float] = {}
    known = np.isin(keys, list(labels))
    saved = {least: saves[known & (values >= least)].sum() for least in leasts}
    best = max(leasts, key=lambda least: saved[least])
    for number in labels:
        if saves[(keys == number) & (values >= best)].sum() > 0:
            found[number] = best
    return found


def _each(leasts: dict[int, float], numbers: FloatArray) -> FloatArray:
    found: FloatArray = np.array([leasts.get(int(one), np.inf) for one in numbers])
    return found


def _in(numbers: FloatArray, labels: frozenset[int]) -> FloatArray:
    found: FloatArray = np.isin(numbers, sorted(labels))
    return found
