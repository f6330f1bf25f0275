"""What one prediction says, label by label: as little as a report needs of it. Pure.

A report over a million tasks adds these up, and the ledger keeps them, so that a run that was stopped
reports on all of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.bulk.siblings import is_place, words_of
from backend.label_studio.bodies import Region

__all__ = ["Mark", "Marks", "marks_of"]

#: Controls whose values are free: counted as a whole, for each value would be a label of its own.
_FREE = frozenset({"text", "number", "rating"})


@dataclass(frozen=True, slots=True)
class Mark:
    """One label or choice of one control in one prediction; `label` is empty for texts and numbers."""

    control: str
    label: str
    regions: int
    #: How many of these regions have a score, and the sum of those scores.
    scored: int
    score_sum: float


@dataclass(frozen=True, slots=True)
class Marks:
    """All marks of one prediction; `regions` counts what it draws, `entries` all that it says."""

    labels: tuple[Mark, ...]
    regions: int
    entries: int

    def to_json(self) -> str:
        """Compact text that `from_json` takes back."""
        rows = [
            [mark.control, mark.label, mark.regions, mark.scored, round(mark.score_sum, 6)]
            for mark in self.labels
        ]
        return json.dumps([self.regions, self.entries, rows], separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Marks:
        """The marks that `to_json` wrote."""
        regions, entries, rows = json.loads(text)
        return cls(tuple(Mark(*row) for row in rows), regions, entries)


def marks_of(result: Sequence[Region]) -> Marks:
    """The marks of a prediction's `result`.

    Siblings that share an id are one region: its geometry counts once, each label on it once.

    >>> marks_of([{"id": "a", "from_name": "scene", "value": {"choices": ["indoor"]}, "score": 0.5}])
    Marks(labels=(Mark(control='scene', label='indoor', regions=1, scored=1, score_sum=0.5),), regions=0, entries=1)
    """
    sums: dict[tuple[str, str], list[float]] = {}
    labelled = {region["id"] for region in result if any(_labels(region["value"]))}
    for region in result:
        names = list(_labels(region["value"]))
        if not names and region["id"] not in labelled and is_place(region["value"]):
            names = [""]  # a shape that nothing names
        for name in names:
            sums.setdefault((region["from_name"], name), []).append(_score(region))
    labels = tuple(
        Mark(control, label, len(scores), len(known), math.fsum(known))
        for (control, label), scores in sums.items()
        for known in [[score for score in scores if score >= 0]]
    )
    shapes = {region["id"] for region in result if is_place(region["value"])}
    return Marks(labels, len(shapes), len({region["id"] for region in result}))


def _score(region: Region) -> float:
    """The region's score; -1 where it has none."""
    score = region.get("score")
    return -1.0 if score is None else float(score)


def _labels(value: Mapping[str, Any]) -> Iterator[str]:
    """The labels, choices and paths of a region's value; `""` for a text or a number."""
    if _FREE.isdisjoint(value):
        yield from words_of(value)
    else:
        yield ""
