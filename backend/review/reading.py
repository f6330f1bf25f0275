"""Annotations as they pass by -> the counts, one task in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol

from backend.errors import BadRequest
from backend.label_studio.records import TaskRow
from backend.review.annotation_review import AnnotationReview
from backend.review.comparison import base_of, review_of
from backend.review.sample import SampleTally

__all__ = ["TakesReviews", "count_reviews", "reviews_in", "since_when"]


class TakesReviews(Protocol):
    """Counts annotations; `unread` are rows that could not be read."""

    unread: int

    def add(self, one: AnnotationReview, task: TaskRow) -> None:
        """Count one annotation."""

    def is_counted(self, version: str) -> bool:
        """Whether annotations that began from this version count."""


def count_reviews(
    tasks: Iterable[TaskRow],
    reviews: TakesReviews,
    since: datetime | None,
    sample: SampleTally | None = None,
) -> None:
    """Count every annotation of the tasks that was made then or later, also in a sample of the tasks."""
    for task in tasks:
        reviews.unread += len(task.unread) + (task.failure is not None)
        for one in reviews_in(task, since):
            reviews.add(one, task)
            if sample is not None:
                counted = one.version is None or reviews.is_counted(one.version)
                sample.add(task.id, one, counted=counted)


def reviews_in(task: TaskRow, since: datetime | None = None) -> Iterator[AnnotationReview]:
    """What each annotation of the task made of the prediction that it began from."""
    rows = {row.id: row for row in task.predictions}
    for annotation in task.annotations:
        if since is None or _made_at(annotation.created_at) >= since:
            yield review_of(annotation, base_of(annotation, rows))


def since_when(text: str, now: datetime) -> datetime:
    """The time that a person means: a date, a time of ISO 8601, or so many days back.

    A date without a zone is of UTC. Raises `BadRequest`.

    >>> since_when("7d", datetime(2026, 11, 28, tzinfo=UTC)).isoformat()
    '2026-11-21T00:00:00+00:00'
    """
    days = text[:-1]
    if text.endswith("d") and days.isdecimal() and len(days) <= 5:
        return now - timedelta(days=int(days))
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(
            f"expected --since as a date (2026-11-20), a time (2026-11-20T08:00) or days (7d), got {text!r:.60}"
        ) from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _made_at(text: str) -> datetime:
    """When an annotation was made; the earliest time where that is not known."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
