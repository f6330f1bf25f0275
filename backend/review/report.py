"""What was counted of reviews -> the figures. Pure but for `now_in_utc`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from backend.pages.summary import in_utc
from backend.review.annotation_review import Beginning, Fate
from backend.review.counts import BINS, GroupCounts, LabelCounts, TagCounts, middle_of
from backend.review.figures import (
    Bin,
    Confused,
    GroupFigures,
    HiddenFigures,
    LabelFigures,
    ReviewFacts,
    ReviewReport,
    TagFigures,
)
from backend.review.sample import SampleFigures
from backend.review.shares import share_of
from backend.review.tally import Found, Reviews
from backend.review.worst_tasks import worst_task

__all__ = ["now_in_utc", "review_report"]

#: Days that are told one by one; of more, weeks, and then months.
MOST_DAYS = 14
MOST_WEEKS = 26
#: Pairs of labels that are told, the most frequent first.
MOST_PAIRS = 40


def review_report(
    reviews: Reviews,
    facts: ReviewFacts,
    *,
    annotators: bool,
    notes: Sequence[str] = (),
    sample: SampleFigures | None = None,
) -> ReviewReport:
    """The figures of what was counted."""
    began, total = reviews.began, reviews.total
    whole = LabelCounts()
    for counts in reviews.labels.values():
        whole += counts
    hidden = {key: _hidden(found) for key, found in reviews.found.items()}
    everything = [one for found in reviews.found.values() for one in found]
    named = sum(group.annotations for group in reviews.by_version.values())
    by_version = {name or "(no version)": each for name, each in reviews.by_version.items()}
    by_annotator = {f"user {user}": each for user, each in reviews.by_annotator.items()}
    return ReviewReport(
        facts=facts,
        annotations=began.total() + named - total.annotations,
        reviewed=began[Beginning.PREDICTION],
        unseen=began[Beginning.UNSEEN],
        untold=reviews.untold,
        skipped=began[Beginning.SKIPPED],
        nothing=began[Beginning.NOTHING],
        lost=began[Beginning.LOST],
        hasty=reviews.hasty,
        others=named - total.annotations,
        unread=reviews.unread,
        edits_per_image=_per(total.edits, total.annotations),
        median_s=middle_of(total.seconds),
        median_s_without=middle_of(reviews.seconds_without),
        total=_label("", "", whole, _hidden(everything) if everything else None),
        labels=tuple(
            _label(*key, counts, hidden.get(key)) for key, counts in sorted(reviews.labels.items())
        ),
        confusion=tuple(
            Confused(*pair, count) for pair, count in reviews.confusion.most_common(MOST_PAIRS)
        ),
        tags=tuple(
            figures
            for control, counts in sorted(reviews.tags.items())
            for figures in _tag(control, counts)
        ),
        scores=tuple(_bins(reviews)),
        by_version=_groups(by_version),
        by_time=_groups(_by_time(reviews.by_day)),
        by_annotator=_groups(by_annotator) if annotators else (),
        worst=tuple(worst_task(one, facts.url) for one in reviews.worst()),
        notes=tuple(notes),
        sample=sample,
    )


def now_in_utc() -> str:
    """The time that a report was made at."""
    return in_utc(time.time())


def _per(count: int, of: int) -> float | None:
    return round(count / of, 3) if of else None


def _label(
    control: str, label: str, counts: LabelCounts, hidden: HiddenFigures | None
) -> LabelFigures:
    of = counts.predicted
    shares = {fate: share_of(counts.fates[fate], of) for fate in Fate}
    iou = middle_of(counts.moved_ious)
    return LabelFigures(
        control=control,
        label=label,
        predicted=of,
        kept=shares[Fate.KEPT],
        moved=shares[Fate.MOVED],
        median_iou=None if iou is None else round(iou, 3),
        relabelled=shares[Fate.RELABELLED],
        replaced=shares[Fate.REPLACED],
        deleted=shares[Fate.DELETED],
        added=counts.added,
        relabelled_to=counts.relabelled_to,
        unseen=counts.unseen,
        hidden=hidden,
    )


def _hidden(found: Sequence[Found | None]) -> HiddenFigures:
    known = [one for one in found if one is not None]
    scores = [one.score for one in known if one.score is not None and not one.shown]
    median_score = middle_of(scores)
    return HiddenFigures(
        hidden=len(scores),
        median_score=None if median_score is None else round(median_score, 3),
        shown_now=sum(one.shown for one in known),
        not_found=sum(one.score is None for one in known),
        unknown=len(found) - len(known),
    )


def _tag(control: str, counts: TagCounts) -> Iterable[TagFigures]:
    """The tag itself, then each choice."""
    choices = sorted(counts.values.items())
    rows: list[tuple[str | None, Counter[str], int]] = [(None, counts.fates, counts.unseen)]
    rows += [(value, fates, 0) for value, fates in choices]
    for value, fates, unseen in rows:
        before = fates["kept"] + fates["changed"] + fates["removed"]
        yield TagFigures(
            control,
            counts.kind,
            value,
            share_of(fates["kept"], before),
            fates["changed"],
            fates["removed"],
            fates["added"],
            unseen,
        )


def _bins(reviews: Reviews) -> Iterable[Bin]:
    found = reviews.scores
    for number in range(BINS):
        count = found.counts[number]
        if count:
            yield Bin(round(found.scores[number] / count, 4), share_of(found.right[number], count))


def _groups(groups: dict[str, GroupCounts]) -> tuple[GroupFigures, ...]:
    return tuple(
        GroupFigures(
            name,
            one.annotations,
            share_of(one.kept, one.predicted),
            _per(one.edits, one.annotations) or 0.0,
            middle_of(one.seconds),
        )
        for name, one in sorted(groups.items())
    )


def _by_time(days: dict[str, GroupCounts]) -> dict[str, GroupCounts]:
    """By day; of many days by week, which its Monday names, and of many weeks by month."""
    for most, name in ((MOST_DAYS, str), (MOST_WEEKS, _monday)):
        if len({name(day) for day in days}) <= most:
            return _joined((name(day), counts) for day, counts in days.items())
    return _joined((day[:7], counts) for day, counts in days.items())


def _joined(named: Iterable[tuple[str, GroupCounts]]) -> dict[str, GroupCounts]:
    found: dict[str, GroupCounts] = {}
    for name, counts in named:
        joined = found.setdefault(name, GroupCounts())
        joined += counts
    return found


def _monday(day: str) -> str:
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return day
    return f"week of {found - timedelta(days=found.weekday())}"
