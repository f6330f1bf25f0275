"""What a bulk run came to: figures for people and, as plain JSON, for programs. Pure."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from backend.bulk.left_out import LeftOutFigures
from backend.bulk.tally import FailureFigures, LabelFigures, Tally

__all__ = ["Report", "RunFacts"]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run was, besides its figures.

    `source` is the project or folder in words; `seconds` is working time over all starts of the run.
    """

    source: str
    model_version: str
    begun_at: float
    ended_at: float
    seconds: float
    #: Tasks that are neither predicted nor failed: the run was stopped, or gave them up for now.
    left: int
    #: Where every failed task stands with its reason; empty for a dry run, which keeps nothing.
    ledger: str


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a run. `regions` are drawn on images; `empty` images got nothing at all."""

    facts: RunFacts
    predicted: int
    failed: int
    regions: int
    regions_per_image: float
    #: Predictions without any entry; and without anything drawn, where a choice or a text may stand.
    empty: int
    undrawn: int
    images_per_s: float
    labels: tuple[LabelFigures, ...]
    failures: tuple[FailureFigures, ...]
    #: What was not looked at in this start: files of the folder, parts of tasks.
    left_out: tuple[LeftOutFigures, ...] = ()

    @classmethod
    def of(cls, tally: Tally, facts: RunFacts, left_out: tuple[LeftOutFigures, ...] = ()) -> Report:
        """The figures of a tally, rounded for reading."""
        done = tally.predicted + tally.failed
        return cls(
            facts=facts,
            predicted=tally.predicted,
            failed=tally.failed,
            regions=tally.regions,
            regions_per_image=round(tally.regions_per_image, 3),
            empty=tally.empty,
            undrawn=tally.undrawn,
            images_per_s=round(done / facts.seconds, 3) if facts.seconds > 0 else 0.0,
            labels=tuple(tally.labels()),
            failures=tuple(tally.failures()),
            left_out=left_out,
        )

    @property
    def complete(self) -> bool:
        """Whether every task got a prediction."""
        return self.failed == 0 and self.facts.left == 0

    def to_json(self) -> str:
        """Every figure, times in UTC."""
        body: dict[str, Any] = asdict(self)
        facts = body.pop("facts")
        for key in ("begun_at", "ended_at"):
            facts[key] = in_utc(facts[key])
        facts["seconds"] = round(facts["seconds"], 1)
        return json.dumps(facts | body, indent=2, ensure_ascii=False) + "\n"


def in_utc(at: float) -> str:
    """A time of the epoch as a date and time of UTC.

    >>> in_utc(0)
    '1970-01-01T00:00:00Z'
    """
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
