"""What a bulk run came to: figures for people and, as plain JSON, for programs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass
from typing import Any

from backend.bulk.drawing import LabelColours
from backend.bulk.left_out import LeftOut, LeftOutFigures
from backend.bulk.tally import LabelFigures, Tally, tally_of
from backend.pages.colours import as_hex
from backend.pages.summary import Bars, Figure, Summary, Table, in_utc, to_json
from backend.runs.ledger import Ledger, TaskKey
from backend.runs.reasons import FailureFigures, failure_table, reason_table
from backend.wording import duration

__all__ = ["Report", "RunFacts", "report_of"]


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
    #: The project's address in Label Studio, which its tasks are shown at; empty for a folder.
    home: str = ""

    def address(self, task: TaskKey) -> str:
        """Where a person sees a task; empty for an image of a folder."""
        return f"{self.home}?task={task}" if self.home else ""


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

    def _address(self, what: TaskKey) -> str:
        """Of tasks alone: what is left out of a folder is a file."""
        return self.facts.address(what) if isinstance(what, int) else ""

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
        return to_json(facts | body)

    def summary(self, colours: LabelColours | None = None) -> Summary:
        """What people read of it: the figures, then label by label, then what failed and why."""
        facts = self.facts
        left = f"{facts.left:,} not done yet" if facts.left else "all done"
        figures = (
            Figure("images predicted", f"{self.predicted:,}", left),
            Figure("failed", f"{self.failed:,}", "each with its reason" if self.failed else "none"),
            Figure("regions", f"{self.regions:,}", f"{self.regions_per_image:.2f} per image"),
            Figure("nothing found", f"{self.empty:,}", _undrawn(self.undrawn - self.empty)),
            Figure("images/s", f"{self.images_per_s:.2f}", f"{duration(facts.seconds)} in all"),
        )
        tables = (
            _labels(self.labels, colours or LabelColours()),
            failure_table(self.failures, facts.ledger, facts.address),
            reason_table(
                "Left out, by reason", "number", map(astuple, self.left_out), address=self._address
            ),
        )
        return Summary(
            f"Pre-labelled: {facts.source}",
            (facts.model_version, f"{in_utc(facts.begun_at)} to {in_utc(facts.ended_at)}"),
            figures,
            tables=[table for table in tables if table.rows],
        )


def report_of(
    ledger: Ledger,
    source: str,
    model_version: str,
    left_out: LeftOut,
    *,
    home: str = "",
    this_start: bool = False,
) -> Report:
    """The report of a run up to now; on the tasks noted by this start only, if so asked."""
    facts = RunFacts(
        source=source,
        model_version=model_version,
        begun_at=ledger.begun_at,
        ended_at=time.time(),
        seconds=ledger.seconds,
        left=ledger.left(),
        ledger=str(ledger.path) if ledger.path.name else "",
        home=home,
    )
    return Report.of(tally_of(ledger, this_start=this_start), facts, left_out.figures())


def _undrawn(others: int) -> str:
    """Of images where a choice or a text stands, and nothing is drawn."""
    return f"and {others:,} with words only" if others else ""


def _labels(labels: Iterable[LabelFigures], colours: LabelColours) -> Table:
    rows = [
        (
            one.control,
            one.label,
            f"{one.regions:,}",
            f"{one.images:,}",
            "-" if one.mean_score is None else f"{one.mean_score:.3f}",
            Bars(one.scores, as_hex(colours.colour(one.control, one.label))),
        )
        for one in labels
    ]
    columns = ("control", "label", "regions#", "images#", "mean score#", "scores, 0 to 1")
    return Table("By label", columns, rows)
