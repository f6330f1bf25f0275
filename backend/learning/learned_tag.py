"""Everything of one control tag: the rules that its evidence chooses, and what of it is switched on.

A gain is measured on what was not used for it: each thing is judged by the examples of other groups, with rules
that were chosen on folds without it. What is kept then uses all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from backend.learning.box_shift import MOST_SHIFTED, overlap_gains, shift_of
from backend.learning.evidence import FloatArray, Observed, TagEvidence, stacked
from backend.learning.groups import folds_of, groups_of
from backend.learning.head_fit import (
    LabelExamples,
    fitted_labels,
    fitted_unwanted,
)
from backend.learning.verdicts import Measured, Verdict, verdicts_of
from models.clip.heads import label_logits, unwanted_share
from models.heads import HeadPart

__all__ = ["LearnedTag", "learned_tag"]

FOLDS = 5
#: Shares of deleted examples from which on a box may be left out.
_LEASTS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
#: A box that was left out and is wanted has to be drawn anew, which costs more than deleting one.
_COST_OF_LOSS = 2.0


@dataclass(frozen=True, slots=True)
class LearnedTag:
    """The rules, the examples that they need, and a verdict for each label and part."""

    part: HeadPart
    examples: LabelExamples
    texts: FloatArray
    verdicts: tuple[Verdict, ...]

    @property
    def is_on(self) -> bool:
        """Whether anything of it is."""
        return bool(self.part.judged or self.part.unwanted or self.part.shifts)


def learned_tag(evidence: TagEvidence, most_examples: int) -> LearnedTag:
    """What a tag's evidence teaches. Of more examples than `most_examples` each label keeps about as many."""
    start = HeadPart(evidence.tag, evidence.labels, alpha=0.0, beta=1.0, scale=1.0)
    examples = _examples(evidence, most_examples)
    judged = list(_label_verdicts(evidence, examples, start))
    part = fitted_labels(start, examples, evidence.texts)
    on = tuple(verdict.label for verdict in judged if verdict.is_on)
    part = replace(part, judged=on)
    boxes: list[Verdict] = []
    unwanted: list[Verdict] = []
    if evidence.has_regions:
        unwanted = list(_unwanted_verdicts(evidence, examples, part))
        part = _with_unwanted(part, examples, [one.label for one in unwanted if one.is_on])
    if evidence.is_box:
        boxes = list(_box_verdicts(evidence))
        shifted = [one.label for one in boxes if one.is_on]
        shifts = tuple((label, shift_of(evidence.of(label)[:MOST_SHIFTED])) for label in shifted)
        part = replace(part, shifts=shifts)
    if not part.asks:
        examples = examples.only(np.zeros(len(examples.true), bool))
    return LearnedTag(part, examples, evidence.texts, (*judged, *boxes, *unwanted))


def _examples(evidence: TagEvidence, most: int) -> LabelExamples:
    """What has a vector and labels that there are; one that was deleted counts under a number of its own."""
    numbers = {label: number for number, label in enumerate(evidence.labels)}
    known = [
        one
        for one in evidence.observed
        if one.vector is not None
        and one.predicted in numbers
        and (one.true is None or one.true in numbers)
    ]
    kept = _thinned(known, most)
    vectors = stacked(kept, evidence.width)
    return LabelExamples(
        vectors,
        np.array([len(numbers) if one.true is None else numbers[one.true] for one in kept], int),
        np.array([numbers[one.predicted] for one in kept], int),
        groups_of([one.image for one in kept], vectors),
    )


def _thinned(observed: Sequence[Observed], most: int) -> list[Observed]:
    """At most so many, of each true label in turn, chosen by chance and always the same."""
    if len(observed) <= most:
        return list(observed)
    turns: dict[str | None, int] = {}
    ranked = []
    for number in np.random.default_rng(0).permutation(len(observed)):
        true = observed[int(number)].true
        turns[true] = turns.get(true, 0) + 1
        ranked.append((turns[true], int(number)))
    return [observed[number] for _, number in sorted(sorted(ranked)[:most], key=lambda one: one[1])]


def _label_verdicts(
    evidence: TagEvidence, examples: LabelExamples, start: HeadPart
) -> Iterator[Verdict]:
    """Whether what is predicted as a label is called rightly more often with the head than without."""
    labels = len(evidence.labels)
    wanted = examples.only(examples.true < labels)
    now, near = wanted.predicted.copy(), wanted.near()
    marks, told = wanted.marks(labels), wanted.vectors @ evidence.texts.T
    for train, test in _folds(wanted.groups):
        # Deleted ones have no label, and teach none.
        rules = fitted_labels(start, wanted.only(train), evidence.texts)
        logits = label_logits(rules, near[test], marks, told[test])
        logits[np.arange(len(logits)), wanted.predicted[test]] += rules.predicted
        now[test] = logits.argmax(1)
    before, after = (one == wanted.true for one in (wanted.predicted, now))
    return verdicts_of(
        evidence.tag,
        "label",
        {
            label: Measured(before[own].astype(float), after[own].astype(float), wanted.groups[own])
            for number, label in enumerate(evidence.labels)
            if (own := wanted.predicted == number).any()
        },
    )


def _unwanted_verdicts(
    evidence: TagEvidence, examples: LabelExamples, start: HeadPart
) -> Iterator[Verdict]:
    """Whether leaving out what looks like deleted boxes of a label saves more edits than it costs."""
    deleted = examples.true == len(evidence.labels)
    if not deleted.any():
        return
    left_out, near = np.zeros(len(deleted), bool), examples.near()
    near[~np.isfinite(near).any(1)] = 0.0
    for train, test in _folds(examples.groups):
        known = examples.only(train)
        if not (known.true == len(evidence.labels)).any():
            continue
        rules, shares = fitted_unwanted(start, known)
        leasts = _leasts(known, shares, len(evidence.labels))
        found = unwanted_share(rules.unwanted_beta, near[test], deleted.astype(np.float32))
        least = np.array([leasts.get(int(one), np.inf) for one in examples.predicted[test]])
        left_out[test] = found >= least
    saved = np.where(left_out, np.where(deleted, 1.0, -_COST_OF_LOSS), 0.0)
    yield from verdicts_of(
        evidence.tag,
        "unwanted",
        {
            label: Measured(np.zeros(own.sum()), saved[own], examples.groups[own])
            for number, label in enumerate(evidence.labels)
            if ((own := examples.predicted == number) & deleted).any()
        },
    )


def _with_unwanted(part: HeadPart, examples: LabelExamples, labels: Sequence[str]) -> HeadPart:
    """The part that leaves boxes of these labels out."""
    if not labels:
        return part
    part, shares = fitted_unwanted(part, examples)
    leasts = _leasts(examples, shares, len(part.labels))
    named = {part.labels[number]: least for number, least in leasts.items()}
    unwanted = tuple((label, named[label]) for label in labels if label in named)
    return replace(part, unwanted=unwanted)


def _leasts(examples: LabelExamples, shares: FloatArray, labels: int) -> dict[int, float]:
    """From which share on boxes of each predicted label are best left out; none where that saves nothing."""
    saves = np.where(examples.true == labels, 1.0, -_COST_OF_LOSS)
    found: dict[int, float] = {}
    for number in np.unique(examples.predicted):
        own = examples.predicted == number
        saved = {least: saves[own & (shares >= least)].sum() for least in _LEASTS}
        best = max(_LEASTS, key=lambda least: saved[least])
        if saved[best] > 0:
            found[int(number)] = best
    return found


def _box_verdicts(evidence: TagEvidence) -> Iterator[Verdict]:
    """Whether boxes of a label overlap people's more when they are moved and grown as these are."""
    measured: dict[str, Measured] = {}
    for label in evidence.labels:
        own = [one for one in evidence.of(label) if one.true_box is not None][:MOST_SHIFTED]
        if not own:
            continue
        groups = groups_of([one.image for one in own], np.zeros((len(own), 1), np.float32))
        before, after = np.zeros(len(own)), np.zeros(len(own))
        for train, test in _folds(groups):
            shift = shift_of([one for one, known in zip(own, train, strict=True) if known])
            tested = [one for one, asked in zip(own, test, strict=True) if asked]
            before[test], after[test] = overlap_gains(tested, shift)
        measured[label] = Measured(before, after, groups)
    return verdicts_of(evidence.tag, "box", measured)


def _folds(groups: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Masks of what is learned from and of what is tested, for each fold; none where nothing is left to learn from."""
    folds = folds_of(groups, FOLDS)
    for fold in range(FOLDS):
        test = folds == fold
        if test.any() and not test.all():
            yield ~test, test
