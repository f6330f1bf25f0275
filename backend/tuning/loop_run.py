"""What `firstpass tune` found, as the page of a project tells it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from backend.evaluation.intervals import Interval
from backend.label_studio.project_key import ProjectKey
from backend.review.loop_runs import LoopChange, LoopRun
from backend.tuning.figures import TuneReport

__all__ = ["loop_run_of"]


def loop_run_of(report: TuneReport, project: ProjectKey | None) -> LoopRun:
    """Its thresholds, then its curves; without them, how many labels stay."""
    changed = {key for key in report.changed if key in _labels(report)}
    return LoopRun(
        report.facts.made_at,
        report.annotations,
        report.facts.version_now,
        report.facts.version_tuned,
        (*_thresholds(report), *_curves(report)),
        len(_labels(report)) - len(changed),
        project,
    )


def _labels(report: TuneReport) -> set[tuple[str, str]]:
    return {(one.control, one.label) for one in report.labels}


def _thresholds(report: TuneReport) -> Iterator[LoopChange]:
    for one in report.labels:
        if one.changes:
            gain = "-" if one.gain is None else f"{one.gain:+.3f} ({_range(one.gain_interval)})"
            yield LoopChange(
                one.control, one.label, "threshold", f"{one.threshold:g}", f"{one.best:g}", gain
            )


def _curves(report: TuneReport) -> Iterator[LoopChange]:
    for one in report.calibrations:
        for label, text in one.new.items():
            gain = f"{_range(one.gain)} nats a box"
            yield LoopChange(one.control, label, "calibration", one.now.get(label, "-"), text, gain)


def _range(one: Interval | None) -> str:
    return "-" if one is None else f"{one.low:+.3f} to {one.high:+.3f}"
