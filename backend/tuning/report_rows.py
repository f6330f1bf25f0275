"""What `firstpass tune` found, as people read it, in the terminal and on the page. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backend.evaluation.intervals import Interval
from backend.pages.summary import Cell, Figure, Summary, Table, Toned
from backend.tuning.cuts import Estimate
from backend.tuning.figures import CalibrationFigures, LabelTuning, TuneReport

__all__ = ["ending", "tune_summary"]

_ON_THRESHOLDS = (
    "in brackets the range of 95 of 100 cases, of the gain also of 80 for all "
    "thresholds at once. A threshold changes where that range lies above 0. Thresholds are about raw scores",
)
_ON_CALIBRATION = (
    "slope and shift over the logit of the raw score; gain: how much better the curves say which boxes are right, "
    "in nats a box, on images that they were not fitted to, in 80 of 100 cases",
)


def tune_summary(report: TuneReport) -> Summary:
    """What changes first, then label by label, and scores and phrases."""
    facts = report.facts
    about = [f"made {facts.made_at}", f"sought: {facts.aim}"]
    about += [f"annotations since {facts.since}"] if facts.since else []
    about += [f"of {', '.join(facts.versions)}"] if facts.versions else []
    tables = (_thresholds(report), _changes(report), _calibrations(report), _phrases(report))
    return Summary(
        f"Tuned: {facts.source}" if report.applied else f"To tune: {facts.source}",
        about,
        tuple(_figures(report)),
        notes=report.notes,
        tables=[table for table in tables if table.rows],
    )


def ending(report: TuneReport) -> str:
    """What was written, or what would be; and how it is taken back."""
    facts = report.facts
    project = f"--project {facts.project}"
    if not report.changes:
        return "Nothing to change: what is set is as good as any, as far as these reviews tell."
    versions = f"model_version: {facts.version_now} -> {facts.version_tuned}"
    labels = f"{report.changes} {'label' if report.changes == 1 else 'labels'}"
    if report.applied:
        return f"Written into the label config: {labels}; {versions}. `firstpass tune {project} --undo` takes it back."
    return f"Nothing was written. `firstpass tune {project} --apply` would change {labels}; {versions}."


def _figures(report: TuneReport) -> Iterator[Figure]:
    yield Figure("annotations reviewed", f"{report.annotations:,}")
    thresholds = sum(one.changes for one in report.labels)
    yield Figure(
        "thresholds to change" if not report.applied else "thresholds changed",
        f"{thresholds:,}",
        f"of {len(report.labels):,} labels",
    )
    curves = sum(len(one.new) for one in report.calibrations)
    yield Figure(
        "labels to calibrate" if not report.applied else "labels calibrated", f"{curves:,}"
    )


def _thresholds(report: TuneReport) -> Table:
    columns = ("tag", "label", "reviewed#", "now#", "new#", "F1", "why it stays")
    return Table("Thresholds", columns, [_threshold(one) for one in report.labels])


def _threshold(one: LabelTuning) -> Sequence[Cell]:
    new: Cell = Toned(f"{one.best:g}", "good") if one.changes else "stays"
    return (
        one.control,
        one.label,
        f"{one.reviewed:,}",
        f"{one.threshold:g}",
        new,
        "-" if one.f1 is None else f"{one.f1:.3f} -> {one.f1_best or 0:.3f}",
        one.why,
    )


def _changes(report: TuneReport) -> Table:
    columns = (
        "label", "gain", "kept#", "false#", "would have hidden", "would have shown",
    )  # fmt: skip
    rows = [
        (
            f"{one.label} ({one.control})",
            _between(one.gain, one.gain_interval),
            _counted(one.kept),
            _counted(one.false),
            _boxes(one.hidden, one.hidden_right),
            _boxes(one.shown, one.shown_right),
        )
        for one in report.labels
        if one.changes
    ]
    return Table(
        "With the new thresholds, on the reviewed images", columns, rows, notes=_ON_THRESHOLDS
    )


def _between(value: float | None, interval: Interval | None) -> str:
    if value is None or interval is None:
        return "-"
    return f"{value:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"


def _counted(one: Estimate | None) -> str:
    return "-" if one is None else f"{one.value:,} ({one.low:,}-{one.high:,})"


def _boxes(count: int, right: int) -> str:
    return "" if not count else f"{count:,}, of which {right:,} right"


def _calibrations(report: TuneReport) -> Table:
    columns = ("tag", "label", "now", "new", "gain", "why it stays")
    rows = [row for one in report.calibrations for row in _calibration(one)]
    return Table("Calibration of scores", columns, rows, notes=_ON_CALIBRATION)


def _calibration(one: CalibrationFigures) -> Iterator[Sequence[Cell]]:
    gain = "-" if one.gain is None else f"{one.gain.low:+.3f} to {one.gain.high:+.3f}"
    for label, text in one.new.items():
        yield (one.control, label, one.now.get(label, "-"), Toned(text, "good"), gain, "")
    if not one.new:
        now = ", ".join(f"{label}: {text}" for label, text in one.now.items()) or "-"
        yield (one.control, "all", now, "stays", gain, one.why)


def _phrases(report: TuneReport) -> Table:
    columns = ("tag", "label", "phrase", "boxes seen#", "right", "not known of which phrase#")
    rows = [
        (
            one.control,
            one.label,
            one.phrase,
            f"{one.right.of:,}",
            one.right.words,
            f"{one.unknown:,}",
        )
        for one in report.phrases
    ]
    notes = (
        f"`firstpass phrases remove --project {report.facts.project} LABEL PHRASE` takes a phrase away whose boxes "
        "people delete",
    )
    return Table("Phrases of labels that ask several", columns, rows, notes=notes)
