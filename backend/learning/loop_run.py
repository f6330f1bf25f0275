"""What `firstpass learn` found, as the page of a project tells it. Pure."""

from __future__ import annotations

from backend.label_studio.project_key import ProjectKey
from backend.learning.report import LearnReport
from backend.learning.verdicts import PARTS, Verdict
from backend.review.loop_runs import LoopChange, LoopRun

__all__ = ["loop_run_of"]


def loop_run_of(report: LearnReport, made_at: str, project: ProjectKey | None) -> LoopRun:
    """The parts that are switched on, each with its gain; and how many stay off."""
    on = [one for one in report.verdicts if one.is_on]
    return LoopRun(
        made_at,
        report.annotations,
        report.before,
        report.after,
        tuple(map(_change, on)),
        len(report.verdicts) - len(on),
        project,
    )


def _change(one: Verdict) -> LoopChange:
    gain = f"{one.gain.mean:+.3f} ({one.gain.low:+.3f} to {one.gain.high:+.3f}) {one.measure}"
    return LoopChange(
        one.tag, one.label, PARTS[one.part], f"{one.before:.3f}", f"{one.after:.3f}", gain
    )
