"""Which of a tag's evidence becomes examples: what has a vector and labels that there are, and not too much. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.learning.evidence import FloatArray, Observed, TagEvidence, stacked
from backend.learning.groups import groups_of
from backend.learning.head_fit import LabelExamples

__all__ = ["Chosen", "chosen_examples"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Places in the evidence: of what may be an example, and of what is. `weights`: for how many each stands."""

    known: Sequence[int]
    kept: Sequence[int]
    weights: FloatArray


def chosen_examples(evidence: TagEvidence, most: int) -> tuple[LabelExamples, Chosen]:
    """At most so many examples; what was deleted, or not predicted, counts under a number of its own."""
    numbers = {label: number for number, label in enumerate(evidence.labels)}
    known = [
        place
        for place, one in enumerate(evidence.observed)
        if one.vector is not None
        and (one.predicted is None or one.predicted in numbers)
        and (one.true is None or one.true in numbers)
    ]
    kept = _thinned(evidence.observed, known, most)
    observed = [evidence.observed[place] for place in kept]
    vectors = stacked(observed, evidence.width)
    examples = LabelExamples(
        vectors,
        np.array([numbers.get(one.true or "", len(numbers)) for one in observed], int),
        np.array([numbers.get(one.predicted or "", len(numbers)) for one in observed], int),
        groups_of([one.image for one in observed], vectors),
    )
    all_of = Counter(evidence.observed[place].true for place in known)
    kept_of = Counter(one.true for one in observed)
    weights = np.array([all_of[one.true] / kept_of[one.true] for one in observed])
    return examples, Chosen(known, kept, weights)


def _thinned(observed: Sequence[Observed], known: Sequence[int], most: int) -> list[int]:
    """At most so many, of each true label in turn, chosen by chance and always the same."""
    if len(known) <= most:
        return list(known)
    turns: dict[str | None, int] = {}
    ranked = []
    for number in np.random.default_rng(0).permutation(len(known)):
        place = known[int(number)]
        true = observed[place].true
        turns[true] = turns.get(true, 0) + 1
        ranked.append((turns[true], int(number), place))
    return sorted(place for _, _, place in sorted(ranked)[:most])
