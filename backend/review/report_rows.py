"""A review's figures as people read them, in the terminal and on the page. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from backend.pages.summary import Figure, Summary, Table
from backend.review.figures import GroupFigures, HiddenFigures, LabelFigures, ReviewReport
from backend.review.shares import Share
from backend.wording import duration

__all__ = ["review_summary"]

_NO_LABEL = "(no label)"
_ON_LABELS = (
    "kept: not moved beyond an overlap (IoU) of 0.9; replaced: deleted, and drawn anew over it; of the predicted "
    "ones, with 95 % intervals",
)


def review_summary(report: ReviewReport) -> Summary:
    """The figures that matter most, then label by label, tag by tag, and over versions and time."""
    facts = report.facts
    about = [f"made {facts.made_at}"]
    about += [f"annotations since {facts.since}"] if facts.since else []
    about += [f"of {', '.join(facts.versions)}"] if facts.versions else []
    tables = (
        _labels(report),
        _hidden(report),
        _confusion(report),
        _tags(report),
        _groups("By version", "model_version", report.by_version),
        _groups("By annotator", "annotator", report.by_annotator),
        _groups("Over time", "made", report.by_time if len(report.by_time) > 1 else ()),
        _worst(report),
    )
    return Summary(
        f"Reviewed: {facts.source}",
        about,
        tuple(_figures(report)),
        notes=report.notes,
        tables=[table for table in tables if table.rows],
    )


def _figures(report: ReviewReport) -> Iterator[Figure]:
    total, sample = report.total, report.sample
    if sample is not None:
        share, between = _share(sample.accepted)
        yield Figure("sample reviewed", f"{sample.reviewed:,}", f"of {sample.drawn:,} tasks drawn")
        accepted = f"{sample.accepted.count:,} of {sample.reviewed:,} tasks{between}"
        yield Figure("accepted as predicted", share, accepted)
    yield Figure(
        "annotations reviewed",
        f"{report.reviewed:,}",
        f"of {report.annotations:,}; {report.unseen:,} accepted unseen, {report.skipped:,} skipped",
    )
    share, between = _share(total.kept)
    yield Figure("regions kept", share, f"{total.kept.count:,} of {total.predicted:,}{between}")
    wrong = total.deleted.count + total.relabelled.count
    yield Figure(
        "deleted or relabelled", f"{wrong:,}", f"{total.added:,} added that were not predicted"
    )
    edits = report.edits_per_image
    yield Figure("edits per image", "-" if edits is None else f"{edits:.2f}", "a person made")
    without = report.median_s_without
    against = (
        "none was drawn without predictions" if without is None else f"{duration(without)} without"
    )
    yield Figure("time per image", duration(report.median_s), f"median; {against}")


def _share(one: Share) -> tuple[str, str]:
    """The share, and its interval to stand behind its counts."""
    share, _, interval = one.words.partition(" (")
    return share, f" ({interval}" if interval else ""


def _labels(report: ReviewReport) -> Table:
    columns = (
        "tag", "label", "predicted#", "kept", "moved (IoU)#", "relabelled#", "replaced#", "deleted",
        "added#", "made this#", "unseen#",
    )  # fmt: skip
    rows = [_label(one, one.label or _NO_LABEL) for one in report.labels]
    if len(rows) > 1:
        rows.append(_label(report.total, "all"))
    return Table("By label", columns, rows, notes=_ON_LABELS)


def _label(one: LabelFigures, name: str) -> Sequence[str]:
    iou = "" if one.median_iou is None else f" ({one.median_iou:.2f})"
    return (
        one.control,
        name,
        f"{one.predicted:,}",
        one.kept.words,
        f"{one.moved.count:,}{iou}",
        f"{one.relabelled.count:,}",
        f"{one.replaced.count:,}",
        one.deleted.words,
        f"{one.added:,}",
        f"{one.relabelled_to:,}",
        f"{one.unseen:,}",
    )


def _hidden(report: ReviewReport) -> Table:
    columns = (
        "tag", "label", "added#", "found, hidden#", "median score#", "shown now#", "not found#", "unknown#"
    )  # fmt: skip
    rows = [
        (one.control, one.label or _NO_LABEL, f"{one.added:,}", *_found(one.hidden))
        for one in report.labels
        if one.hidden is not None
    ]
    notes = (
        "found, hidden: the models had an answer there (IoU of 0.5) below the label's threshold; unknown: "
        "their answers are not in the cache",
    )
    return Table("What the models had found of added regions", columns, rows, notes=notes)


def _found(one: HiddenFigures) -> Sequence[str]:
    score = "-" if one.median_score is None else f"{one.median_score:.2f}"
    counts = (one.shown_now, one.not_found, one.unknown)
    return (f"{one.hidden:,}", score, *(f"{count:,}" for count in counts))


def _confusion(report: ReviewReport) -> Table:
    rows = [
        (one.predicted or _NO_LABEL, one.now or _NO_LABEL, f"{one.count:,}")
        for one in report.confusion
    ]
    return Table("Relabelled", ("predicted", "people made it", "times#"), rows)


def _tags(report: ReviewReport) -> Table:
    columns = (
        "tag", "choice", "predicted#", "kept", "changed#", "removed#", "added#", "unseen#"
    )  # fmt: skip
    rows = [
        (
            one.control,
            f"({one.kind})" if one.value is None else one.value,
            f"{one.kept.of:,}",
            one.kept.words,
            f"{one.changed:,}" if one.value is None else "",
            f"{one.removed:,}",
            f"{one.added:,}",
            f"{one.unseen:,}" if one.value is None else "",
        )
        for one in report.tags
    ]
    return Table("Choices, texts and numbers", columns, rows)


def _groups(title: str, name: str, groups: Iterable[GroupFigures]) -> Table:
    rows = [
        (
            one.name,
            f"{one.annotations:,}",
            one.kept.words,
            f"{one.edits_per_image:.2f}",
            duration(one.median_s),
        )
        for one in groups
    ]
    columns = (name, "annotations#", "regions kept", "edits per image#", "median time#")
    return Table(title, columns, rows)


def _worst(report: ReviewReport) -> Table:
    rows = [(f"{one.task}", f"{one.edits:,}", one.url) for one in report.worst]
    return Table("Images with most edits", ("task#", "edits#", "where"), rows)
