"""What may be switched on without any label being found worse than before. Pure.

To call a box otherwise makes the label better that it leaves, and may make the one worse that it comes to. So
each label's F1 is counted on things that had no part in what was learned: found, found wrongly, and missed.
A label that is found otherwise is to gain by more than chance, or the part that costs it most goes off: a loss
as large as chance alone would be no rare thing among many labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.learning.choosing import Chosen
from backend.learning.evidence import FloatArray, TagEvidence
from backend.learning.gains import Gain, gains_of
from backend.learning.head_fit import LabelExamples
from backend.learning.held_out import HeldOut, Switches
from backend.learning.verdicts import Harm

__all__ = ["Guard", "guarded"]

#: Parts that touch a label: it is given to what was predicted otherwise or not at all; it is left out or changed.
_PARTS = ("given", "places", "unwanted", "judged")


@dataclass(frozen=True, slots=True)
class Guard:
    """All that was observed of a tag as numbers: what was predicted, is true (`labels`: nothing), and the group.

    `examples`: the number of the example that each one is, -1 for what is none and so stays as it is. An
    example that stands for several counts as many times.
    """

    labels: tuple[str, ...]
    predicted: FloatArray
    true: FloatArray
    groups: FloatArray
    examples: FloatArray
    weights: FloatArray

    @classmethod
    def of(cls, evidence: TagEvidence, examples: LabelExamples, chosen: Chosen) -> Guard:
        """All but what the examples were thinned by."""
        numbers = {label: number for number, label in enumerate(evidence.labels)}
        none = len(numbers)
        kept, dropped = list(chosen.kept), set(chosen.known) - set(chosen.kept)
        counted = [number for number in range(len(evidence.observed)) if number not in dropped]
        observed = [evidence.observed[number] for number in counted]
        place = np.full(len(evidence.observed), -1)
        place[kept] = np.arange(len(kept))
        stands_for = np.ones(len(evidence.observed))
        stands_for[kept] = chosen.weights
        named = {
            evidence.observed[one].image: int(examples.groups[n]) for n, one in enumerate(kept)
        }
        first = max(named.values(), default=-1) + 1
        groups = [named.setdefault(one.image, first + n) for n, one in enumerate(observed)]
        return cls(
            evidence.labels,
            np.array([numbers.get(one.predicted or "", none) for one in observed], int),
            np.array([numbers.get(one.true or "", none) for one in observed], int),
            np.unique(np.array(groups, int), return_inverse=True)[1],
            place[counted],
            stands_for[counted],
        )

    def shown(self, held: HeldOut, examples: LabelExamples, on: Switches) -> FloatArray:
        """The label that each is shown as."""
        found = self.predicted.copy()
        known = self.examples >= 0
        now = held.shown(examples.predicted, len(self.labels), on)
        found[known] = now[self.examples[known]]
        return found

    def changes(self, shown: FloatArray) -> dict[int, tuple[float, float, Gain]]:
        """F1 before and after of each label that is found otherwise, and how sure the change is."""
        touched: dict[int, tuple[float, float, FloatArray]] = {}
        for label in range(len(self.labels)):
            before, after = (self._counts(each, label) for each in (self.predicted, shown))
            if _is_unused(before) and after[1].sum() <= before[1].sum():
                continue  # wrong wherever it is shown, so that to show it less often costs nothing
            if (before != after).any():
                was, now = _f1(before), _f1(after)
                here = (before + after).any(0)
                by_group = _influence(after, now) - _influence(before, was)
                touched[label] = was, now, by_group[here] * here.sum() + (now - was)
        gains = gains_of(
            {
                str(label): (change, np.arange(len(change)))
                for label, (_, _, change) in touched.items()
            }
        )
        return {label: (was, now, gains[str(label)]) for label, (was, now, _) in touched.items()}

    def f1(self, shown: FloatArray, label: int) -> float:
        """That of one label."""
        return _f1(self._counts(shown, label))

    def _counts(self, shown: FloatArray, label: int) -> FloatArray:
        """Right ones, shown ones, and those that are there, of each group, shape (3, groups)."""
        masks = (shown == label) & (self.true == label), shown == label, self.true == label
        groups = int(self.groups.max(initial=-1)) + 1
        found: FloatArray = np.stack(
            [
                np.bincount(self.groups, weights=mask * self.weights, minlength=groups)
                for mask in masks
            ]
        )
        return found


def guarded(
    guard: Guard, held: HeldOut, examples: LabelExamples, on: Switches
) -> tuple[Switches, list[Harm]]:
    """What may stay on, and what is off for the sake of which label."""
    harms: list[Harm] = []
    while True:
        changes = guard.changes(guard.shown(held, examples, on))
        hurt = {label: one for label, one in changes.items() if one[2].low < 0}
        if not hurt:
            return on, harms
        label = min(hurt, key=lambda each: hurt[each][2].low)
        was, now, _ = hurt[label]
        tries = {part: on.without(part, label) for part in _PARTS if label in getattr(on, part)}
        f1 = {
            part: guard.f1(guard.shown(held, examples, left), label) for part, left in tries.items()
        }
        best = max(tries, key=lambda part: f1[part])
        on = tries[best]
        harms.append(Harm(best, guard.labels[label], round(was, 4), round(now, 4)))


def _is_unused(counts: FloatArray) -> bool:
    """Whether nobody gave the label to anything: its F1 is 0 then, whatever is shown."""
    return not counts[2].any()


def _f1(counts: FloatArray) -> float:
    right, shown, there = counts.sum(1)
    return float(2 * right / max(shown + there, 1.0))


def _influence(counts: FloatArray, f1: float) -> FloatArray:
    """How much of F1 each group brings, shape (groups,): they sum to 0."""
    right, shown, there = counts
    found: FloatArray = (2 * right - f1 * (shown + there)) / max(float((shown + there).sum()), 1.0)
    return found
