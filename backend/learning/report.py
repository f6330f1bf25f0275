"""What was learned of a project, as a table for people and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from backend.learning.verdicts import PARTS, Verdict
from backend.pages.summary import Figure, Summary, Table, Toned, to_json

__all__ = ["LearnReport", "learn_summary"]


@dataclass(frozen=True, slots=True)
class LearnReport:
    """`head` is the fingerprint of what was learned, empty where nothing is switched on.

    `before` and `after` are the `model_version`s without it and with it.
    """

    project: int
    title: str
    annotations: int
    observed: int
    verdicts: Sequence[Verdict]
    head: str
    before: str
    after: str
    applied: bool
    notes: Sequence[str] = ()

    def to_json(self) -> str:
        """Every figure, for programs."""
        body = asdict(self)
        body["verdicts"] = [
            {**asdict(one), "is_on": one.is_on, "reason": one.reason} for one in self.verdicts
        ]
        return to_json(body)


def learn_summary(report: LearnReport) -> Summary:
    """The same for people."""
    on = sum(one.is_on for one in report.verdicts)
    return Summary(
        f"Learned from {report.title}",
        (),
        figures=[
            Figure("annotations used", f"{report.annotations:,}"),
            Figure("boxes and choices compared", f"{report.observed:,}"),
            Figure("switched on", f"{on:,}", f"of {len(report.verdicts):,}"),
        ],
        notes=[*report.notes, _advice(report)],
        tables=[
            Table(
                "Without it and with it, on images that had no part in it",
                ("tag", "label", "what", "measured#", "measure", "before#", "after#", "", "why"),
                list(_rows(report.verdicts)),
            )
        ],
    )


def _rows(verdicts: Sequence[Verdict]) -> Iterator[tuple[str | Toned, ...]]:
    for one in sorted(verdicts, key=lambda one: (one.tag, not one.is_on)):
        yield (
            one.tag,
            one.label,
            PARTS[one.part],
            f"{one.gain.observed:,}",
            one.measure,
            f"{one.before:.3f}",
            f"{one.after:.3f}",
            Toned("on", "good") if one.is_on else Toned("off", "busy"),
            one.reason,
        )


def _advice(report: LearnReport) -> str:
    if not report.head:
        return "Nothing is switched on, so the label config stays as it is."
    if report.applied:
        return (
            f"Predictions are of {report.after} from now on; before, they were of {report.before}."
        )
    return f"Nothing was written. With --apply predictions are of {report.after}; now they are of {report.before}."
