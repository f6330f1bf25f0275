"""Everything of one control tag: the rules that its evidence chooses, and what of it is switched on.

A gain is measured on what was not used for it: each thing is judged by the examples of other groups, with rules
that were chosen on folds without it. What is kept then uses all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from backend.learning.box_shift import MOST_SHIFTED, drawing_of, overlap_gains
from backend.learning.choosing import Chosen, chosen_examples
from backend.learning.evidence import FloatArray, Observed, TagEvidence
from backend.learning.groups import groups_of
from backend.learning.guard import Guard, guarded
from backend.learning.head_fit import LabelExamples
from backend.learning.held_out import (
    COST_OF_LOSS,
    HeldOut,
    Rules,
    Switches,
    folds,
    held_out,
    place_gains,
    rules_of,
)
from backend.learning.verdicts import Harm, Measured, Verdict, verdicts_of
from models.heads import HeadPart

__all__ = ["LearnedTag", "learned_tag"]


@dataclass(frozen=True, slots=True)
class LearnedTag:
    """The rules, the examples that they need, a verdict for each label and part, and what is off for another's sake."""

    part: HeadPart
    examples: LabelExamples
    texts: FloatArray
    verdicts: tuple[Verdict, ...]
    harms: tuple[Harm, ...] = ()

    @property
    def is_on(self) -> bool:
        """Whether anything of it is."""
        return bool(self.part.asks or self.part.shifts)

    def notes(self) -> Iterator[str]:
        """Which labels nothing is given by what was learned, a sentence each; other parts have a verdict of their own."""
        for harm in self.harms:
            if harm.part == "given" and self.part.judged:
                yield (
                    f"no box of another label is called {harm.label!r} of {self.part.tag!r}, which would be found "
                    f"worse: {harm.change}"
                )


def learned_tag(evidence: TagEvidence, most_examples: int) -> LearnedTag:
    """What a tag's evidence teaches. Of more examples than `most_examples` each label keeps about as many."""
    start = HeadPart(evidence.tag, evidence.labels, alpha=0.0, beta=1.0, scale=1.0)
    examples, chosen = chosen_examples(evidence, most_examples)
    held = held_out(examples, start, evidence.texts)
    on, verdicts, harms = _switched(evidence, examples, chosen, held)
    part = _with_labels(rules_of(examples, start, evidence.texts), on)
    if evidence.is_box:
        boxes = list(_box_verdicts(evidence))
        drawn = {one.label: drawing_of(_drawn(evidence, one.label)) for one in boxes if one.is_on}
        part = replace(
            part,
            shifts=tuple((label, drawing.shift) for label, drawing in drawn.items()),
            fitted=tuple(label for label, drawing in drawn.items() if drawing.fitted),
        )
        verdicts += boxes
    if not part.asks:
        examples = examples.only(np.zeros(len(examples.true), bool))
    return LearnedTag(part, examples, evidence.texts, tuple(verdicts), tuple(harms))


def _switched(
    evidence: TagEvidence, examples: LabelExamples, chosen: Chosen, held: HeldOut
) -> tuple[Switches, list[Verdict], list[Harm]]:
    """What is on: each part that gains by more than chance, as long as no label is found worse for it."""
    labels = evidence.labels
    guard = Guard.of(evidence, examples, chosen)
    unwanted = list(_unwanted_verdicts(evidence, examples, held))
    places = list(_place_verdicts(evidence, examples, held))
    on = Switches(
        frozenset(range(len(labels))),
        frozenset(range(len(labels))),
        _numbers(labels, unwanted),
        _numbers(labels, places),
    )
    harms: list[Harm] = []
    while True:
        judged = list(_label_verdicts(evidence, examples, held, on))
        gaining = replace(on, judged=on.judged & _numbers(labels, judged))
        left, harm = guarded(guard, held, examples, gaining)
        harms += harm
        if left == on:
            break
        on = left
    harmful = {(harm.part, harm.label): harm for harm in harms}
    verdicts = [
        replace(verdict, harm=harmful.get((part, verdict.label)))
        for part, some in (("judged", judged), ("unwanted", unwanted), ("places", places))
        for verdict in some
    ]
    return on, verdicts, harms


def _numbers(labels: tuple[str, ...], verdicts: Iterable[Verdict]) -> frozenset[int]:
    return frozenset(labels.index(verdict.label) for verdict in verdicts if verdict.is_on)


def _with_labels(rules: Rules, on: Switches) -> HeadPart:
    """The rules with what is on, by name."""
    part = rules.part
    names = part.labels
    return replace(
        part,
        judged=tuple(names[number] for number in sorted(on.judged)),
        given=tuple(names[number] for number in sorted(on.given)) if on.judged else (),
        unwanted=tuple(
            (names[number], rules.leasts[number])
            for number in sorted(on.unwanted & rules.leasts.keys())
        ),
        places=tuple(
            (names[number], rules.places[number])
            for number in sorted(on.places & rules.places.keys())
        ),
    )


def _label_verdicts(
    evidence: TagEvidence, examples: LabelExamples, held: HeldOut, on: Switches
) -> Iterator[Verdict]:
    """Whether what is predicted as a label is called rightly more often with the head than without."""
    labels = len(evidence.labels)
    every = Switches(judged=frozenset(range(labels)), given=on.given)
    now = held.shown(examples.predicted, labels, every)
    wanted = examples.true < labels
    before, after = (one == examples.true for one in (examples.predicted, now))
    return verdicts_of(
        evidence.tag,
        "label",
        _by_label(evidence, examples.predicted, wanted, before, after, examples.groups),
    )


def _unwanted_verdicts(
    evidence: TagEvidence, examples: LabelExamples, held: HeldOut
) -> Iterator[Verdict]:
    """Whether leaving out what looks like deleted boxes of a label saves more edits than it costs."""
    if not evidence.has_regions:
        return iter(())
    labels = len(evidence.labels)
    deleted = examples.true == labels
    saved = np.where(held.left_out, np.where(deleted, 1.0, -COST_OF_LOSS), 0.0)
    some = np.isin(examples.predicted, examples.predicted[deleted])
    nothing = np.zeros(len(saved))
    return verdicts_of(
        evidence.tag,
        "unwanted",
        _by_label(evidence, examples.predicted, some, nothing, saved, examples.groups),
    )


def _place_verdicts(
    evidence: TagEvidence, examples: LabelExamples, held: HeldOut
) -> Iterator[Verdict]:
    """Whether naming what is found where nothing was predicted saves more edits than it costs."""
    labels = len(evidence.labels)
    gains = place_gains(examples, held.judged, labels)
    saved = np.where(held.named, gains, 0.0)
    is_place = examples.predicted == labels
    nothing = np.zeros(len(saved))
    return verdicts_of(
        evidence.tag,
        "place",
        _by_label(evidence, held.judged.label, is_place, nothing, saved, examples.groups),
    )


def _by_label(
    evidence: TagEvidence,
    keys: FloatArray,
    counted: FloatArray,
    before: FloatArray,
    after: FloatArray,
    groups: FloatArray,
) -> Mapping[str, Measured]:
    """What was measured of each label; `keys`: the number of the label that each thing counts for."""
    return {
        label: Measured(before[own].astype(float), after[own].astype(float), groups[own])
        for number, label in enumerate(evidence.labels)
        if (own := (keys == number) & counted).any()
    }


def _drawn(evidence: TagEvidence, label: str) -> list[Observed]:
    """What is or would be predicted as a label, and has a box of a person's."""
    found = [
        one
        for one in evidence.observed
        if one.box is not None
        and one.true_box is not None
        and (one.predicted == label or (one.predicted is None and one.true == label))
    ]
    return found[:MOST_SHIFTED]


def _box_verdicts(evidence: TagEvidence) -> Iterator[Verdict]:
    """Whether boxes of a label overlap people's more when they are drawn as people draw these."""
    measured: dict[str, Measured] = {}
    for label in evidence.labels:
        own = _drawn(evidence, label)
        if not own:
            continue
        groups = groups_of([one.image for one in own], np.zeros((len(own), 1), np.float32))
        before, after = np.zeros(len(own)), np.zeros(len(own))
        for train, test in folds(groups):
            drawing = drawing_of([one for one, known in zip(own, train, strict=True) if known])
            tested = [one for one, asked in zip(own, test, strict=True) if asked]
            before[test], after[test] = overlap_gains(tested, drawing)
        measured[label] = Measured(before, after, groups)
    return verdicts_of(evidence.tag, "box", measured)
