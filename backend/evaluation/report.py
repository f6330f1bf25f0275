"""What an evaluation came to: for people, and as plain JSON for programs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from backend.evaluation.box_figures import AllBoxes, BoxFigures
from backend.evaluation.comparison import Compared
from backend.evaluation.evaluated import Evaluated
from backend.evaluation.tag_figures import TagFigures
from backend.evaluation.thresholds import ThresholdChange, Written
from backend.evaluation.worst import WorstImage
from backend.pages.summary import in_utc, to_json
from backend.runs.reasons import FailureFigures

__all__ = ["EvaluationFacts", "EvaluationReport"]

DECIMALS = 4


@dataclass(frozen=True, slots=True)
class EvaluationFacts:
    """What was measured. `source` in words; `seconds` is working time over all starts of the run."""

    source: str
    model: str
    model_version: str
    device: str
    ended_at: float
    seconds: float
    #: Images that are neither measured nor failed.
    left: int
    #: Where every failed image stands with its reason.
    ledger: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """The figures of what `/predict` does now; in a sweep the rows beside it, and which to take."""

    facts: EvaluationFacts
    images: int
    failed: int
    failures: tuple[FailureFigures, ...]
    #: Of one image, encoding it included.
    image_s: float
    all_labels: AllBoxes | None
    labels: tuple[BoxFigures, ...]
    tags: tuple[TagFigures, ...]
    thresholds: tuple[ThresholdChange, ...]
    worst: tuple[WorstImage, ...]
    written: Written | None = None
    sweep: tuple[Compared, ...] = ()
    advice: str = ""

    @classmethod
    def of(
        cls,
        facts: EvaluationFacts,
        evaluated: Evaluated,
        failures: Sequence[FailureFigures],
        **compared: Any,
    ) -> EvaluationReport:
        """The report of an evaluation; `compared` are the fields from `thresholds` on."""
        return cls(
            facts=facts,
            images=len(evaluated.seen.images),
            failed=sum(failure.tasks for failure in failures),
            failures=tuple(failures),
            image_s=evaluated.seen.seconds,
            all_labels=evaluated.all_labels,
            labels=evaluated.labels,
            tags=evaluated.tags,
            **compared,
        )

    @property
    def complete(self) -> bool:
        """Whether every image was measured."""
        return self.failed == 0 and self.facts.left == 0

    def to_json(self) -> str:
        """Every figure, shares rounded, times in UTC; of the worst images what was wrong with them."""
        body = _rounded(asdict(self))
        facts = body.pop("facts")
        facts["ended_at"] = in_utc(self.facts.ended_at)
        facts["seconds"] = round(self.facts.seconds, 1)
        for row, each in zip(body["labels"], self.labels, strict=True):
            row["boxed_without_share"] = _rounded(each.boxed_without_share)
        if self.all_labels is not None:
            share = self.all_labels.boxed_absent_share
            body["all_labels"]["boxed_absent_share"] = _rounded(share)
        for row in body["worst"]:
            row["marks"] = [mark for mark in row["marks"] if mark["kind"] not in ("right", "there")]
        return to_json(facts | body)


def _rounded(value: Any) -> Any:
    match value:
        case bool():
            return value
        case float():
            return round(value, DECIMALS)
        case dict():
            return {key: _rounded(each) for key, each in value.items()}
        case list() | tuple():
            return [_rounded(each) for each in value]
        case _:
            return value
