"""What one prediction says, label by label: as little as a report needs of it. Pure.

A report over a million tasks adds these up, and the ledger keeps them, so that a run that was stopped
reports on all of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from backend.label_studio.bodies import Region
from backend.prediction.read_regions import Number, ReadRegion, TextArea, read_regions

__all__ = ["Mark", "Marks", "marks_of"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One label or choice of one control in one prediction; `label` is empty for texts and numbers."""

    control: str
    label: str
    regions: int
    #: How many of these regions have a score, and the sum of those scores.
    scored: int
    score_sum: float
    #: Each of them in whole percent, cut off; empty where a version before this kept it.
    percents: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Marks:
    """All marks of one prediction; `regions` counts what it draws, `entries` all that it says."""

    labels: tuple[Mark, ...]
    regions: int
    entries: int

    @property
    def mean_score(self) -> float | None:
        """Over all its scores; `None` where there are none."""
        scored = sum(mark.scored for mark in self.labels)
        return math.fsum(mark.score_sum for mark in self.labels) / scored if scored else None

    def to_json(self) -> str:
        """Compact text that `from_json` takes back."""
        rows = [
            [
                *(mark.control, mark.label, mark.regions, mark.scored, round(mark.score_sum, 6)),
                mark.percents,
            ]
            for mark in self.labels
        ]
        return json.dumps([self.regions, self.entries, rows], separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Marks:
        """The marks that `to_json` wrote."""
        regions, entries, rows = json.loads(text)
        marks = (Mark(*row[:5], *map(tuple, row[5:6])) for row in rows)
        return cls(tuple(marks), regions, entries)


def marks_of(result: Sequence[Region]) -> Marks:
    """The marks of a prediction's `result`.

    Siblings that share an id are one region: its geometry counts once, each label on it once.

    >>> marks_of([{"id": "a", "from_name": "scene", "value": {"choices": ["indoor"]}, "score": 0.5}])
    Marks(labels=(Mark(control='scene', label='indoor', regions=1, scored=1, score_sum=0.5, percents=(50,)),), regions=0, entries=1)
    """
    regions = read_regions(result)
    sums: dict[tuple[str, str], list[float | None]] = {}
    labelled = {region.id for region in regions if _names(region)}
    for region in regions:
        names = _names(region)
        if not names and region.id not in labelled and region.is_drawn:
            names = ("",)  # a shape that nothing names
        for name in names:
            sums.setdefault((region.from_name, name), []).append(region.score)
    labels = tuple(
        Mark(control, label, len(scores), len(known), math.fsum(known), tuple(map(_percent, known)))
        for (control, label), scores in sums.items()
        for known in [[score for score in scores if score is not None]]
    )
    shapes = {region.id for region in regions if region.is_drawn}
    return Marks(labels, len(shapes), len({region.id for region in regions}))


def _percent(score: float) -> int:
    return max(0, min(100, math.floor(score * 100 + 1e-6)))


def _names(region: ReadRegion) -> tuple[str, ...]:
    """The labels, choices and paths of a region; `""` for a text or a number.

    Those are free: counted as a whole, for each value would be a label of its own.
    """
    return ("",) if isinstance(region.said, TextArea | Number) else region.words
