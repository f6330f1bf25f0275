"""Probabilities of candidates -> the choices that are ticked. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from backend.label_config.control_tags import ChoicesTag, Label, TaxonomyTag, leaves
from backend.prediction.step import Step
from models.types import Classification

__all__ = ["Chosen", "chosen_for"]

#: What is ticked and how likely each is: a value, or in a tree the path down to it.
Chosen: TypeAlias = dict[str | tuple[str, ...], float]


def chosen_for(step: Step, control: ChoicesTag | TaxonomyTag, output: Classification) -> Chosen:
    """What is ticked; nothing where no probability reaches its threshold.

    One of many stays open, too, where none of them fits and the label config names no threshold.
    """
    by_phrase = dict(zip(output.candidates, output.probabilities, strict=True))
    if isinstance(control, TaxonomyTag):
        return _in_tree(step, control.labels, by_phrase, leaves_only=control.leaves_only)
    if control.nested and not control.multiple:
        return _in_tree(step, control.labels, by_phrase, leaves_only=True)
    if control.multiple:
        return _several(step, control, by_phrase)
    best = _best(step, control.labels, by_phrase)
    return {} if output.none_fits and not _has_threshold(control, best) else best


def _best(step: Step, labels: Sequence[Label], by_phrase: Mapping[str, float]) -> Chosen:
    """One of many: the phrases of a choice are exclusive, so their probabilities add up."""
    best = max(labels, key=lambda label: _sum(label, by_phrase))
    score = _sum(best, by_phrase)
    return {best.value: score} if score >= step.threshold(best) else {}


def _has_threshold(control: ChoicesTag, chosen: Chosen) -> bool:
    """Whether the label config itself says from which score on it is ticked."""
    own = [label.score_threshold for label in control.labels if label.value in chosen]
    return control.score_threshold is not None or any(each is not None for each in own)


def _several(step: Step, control: ChoicesTag, by_phrase: Mapping[str, float]) -> Chosen:
    """Several of many: phrases are independent answers to the same question, so the surest counts."""
    chosen: Chosen = {}
    for label in leaves(control.labels) if control.nested else control.labels:
        score = max(by_phrase[phrase] for phrase in label.phrases)
        if score >= step.threshold(label):
            chosen[label.path or label.value] = score
    return chosen


def _in_tree(
    step: Step, labels: Sequence[Label], by_phrase: Mapping[str, float], *, leaves_only: bool
) -> Chosen:
    """Down the tree, at each step to the likeliest of the branches, as far as the threshold allows.

    A branch's probability is its share among its siblings, a node's the product along its path. So it
    does not matter how many nodes other branches have.
    """
    score = 1.0
    chosen: Chosen = {}
    path: tuple[str, ...] = ()
    while below := [label for label in labels if label.path[:-1] == path]:
        shares = [_sum(label, by_phrase) for label in below]
        total = math.fsum(shares)
        best = max(range(len(below)), key=lambda n: shares[n])
        score *= shares[best] / total if total > 0 else 1 / len(below)
        label, path = below[best], below[best].path
        if score < step.threshold(label):
            return {} if leaves_only else chosen
        chosen = {path: score}
    return chosen


def _sum(label: Label, by_phrase: Mapping[str, float]) -> float:
    return min(1.0, math.fsum(by_phrase[phrase] for phrase in label.phrases))
