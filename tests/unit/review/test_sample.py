"""A sample of tasks drawn by chance, and its acceptance."""

from __future__ import annotations

from collections import Counter

import pytest

from backend.label_studio.records import AnnotationRow, TaskRow
from backend.review.annotation_review import AnnotationReview, Beginning, StatementReview
from backend.review.reading import count_reviews
from backend.review.remarks import remarks
from backend.review.result_content import Statement
from backend.review.sample import SampleTally, drawn
from backend.review.shares import share_of
from backend.review.tally import Reviews
from tests.unit.tuning.projects import NUMBER, annotated, project_of


def test_each_task_is_drawn_as_often_as_any_other() -> None:
    """Over many seeds, within four standard deviations; the same seed draws the same tasks."""
    times = Counter(task for seed in range(4000) for task in drawn(range(20), 5, seed))

    assert all(abs(times[task] - 1000) < 4 * (4000 * 0.25 * 0.75) ** 0.5 for task in range(20))
    assert drawn(range(20), 5, 7) == drawn(reversed(range(20)), 5, 7)
    assert drawn(range(3), 5, 7) == [0, 1, 2]


def review(began: Beginning, number: int = 1, *, edits: bool = False) -> AnnotationReview:
    said = Statement("scene", "choice", ("day",), 0.5)
    changed = (StatementReview(said, None),) if edits else ()
    return AnnotationReview(
        AnnotationRow.model_validate({"id": number}), began, "tiny", statements=changed
    )


def test_each_task_counts_once_by_its_first_review() -> None:
    tally = SampleTally({1, 2, 3, 4, 5})
    tally.add(1, review(Beginning.PREDICTION, 20, edits=True))
    tally.add(1, review(Beginning.PREDICTION, 10))
    tally.add(2, review(Beginning.PREDICTION, 11, edits=True))
    tally.add(3, review(Beginning.SKIPPED))
    tally.add(4, review(Beginning.UNSEEN))
    tally.add(4, review(Beginning.PREDICTION))
    tally.add(99, review(Beginning.PREDICTION))

    figures = tally.figures()

    assert (figures.drawn, figures.reviewed, figures.otherwise, figures.open) == (5, 3, 1, 1)
    assert figures.accepted == share_of(2, 3)
    assert figures.accepted.low == pytest.approx(0.2077, abs=1e-4)


def test_a_task_annotated_from_a_version_that_is_not_counted_is_not_open() -> None:
    task = annotated(1, [("car", 0.9, True)], version="yolo-v8")
    tally = SampleTally({1, 2})

    count_reviews([TaskRow.model_validate(task)], Reviews(), None, tally)

    figures = tally.figures()
    assert (figures.reviewed, figures.otherwise, figures.open) == (0, 1, 1)
    said = " ".join(remarks(Reviews(), project_of([task]).api().project(NUMBER), figures))
    assert "of the sample 1 task was skipped" in said
    assert "from a version that is not counted, and tells nothing" in said
    assert "1 task of the sample is not reviewed yet: until it is, the share" in said
