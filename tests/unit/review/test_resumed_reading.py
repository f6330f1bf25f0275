"""A reading of annotations that was interrupted goes on, and counts what an uninterrupted one counts."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backend.errors import LabelStudioUnavailable
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import TaskRow
from backend.label_studio.reviewed_tasks import ReviewedTasks
from backend.review.reading import count_reviews
from backend.review.resumed_reading import ResumedReading
from backend.review.tally import Reviews
from tests.reviewer import OURS
from tests.standin.label_studio import StandInLabelStudio
from tests.standin.label_studio_state import no_connection
from tests.unit.review.recorded import boxes_of, counted, recorded, stand_in

SOURCE = "http://ls 4.1"
PAGE = 20


class Exports(StandInLabelStudio):
    """Notes which tasks are exported, and is gone from the export of that number on."""

    exported: list[list[int]]
    gone_from: int | None

    def _exported(self, ids: Any) -> Any:
        self.exported.append([*ids])
        if self.gone_from is not None and len(self.exported) > self.gone_from:
            self.down = no_connection()
            raise no_connection()
        return super()._exported(ids)


@pytest.fixture
def label_studio(monkeypatch: pytest.MonkeyPatch) -> Exports:
    """70 annotated tasks, read by 20; some of them have two annotations."""
    monkeypatch.setattr("backend.review.resumed_reading.IDS_IN_EXPORT", PAGE)
    made = stand_in(copy.deepcopy(recorded()["before"][:70]), recorded()["rows"])
    made.__class__ = Exports
    assert isinstance(made, Exports)
    made.found["model_version"] = OURS
    made.exported, made.gone_from = [], None
    return made


def read(label_studio: Exports, home: Path, *, since: datetime | None = None) -> Reviews:
    """As the command reads it."""
    reviews, tasks = Reviews(), ReviewedTasks(label_studio.api(), 4, sleep=lambda _: None)
    with ResumedReading(home, SOURCE) as reading:
        assert not reading.why_not
        reading.note(tasks.listed(since=since))
        count_reviews(reading.read(tasks, lambda count: None), reviews, since)
        reading.done()
    return reviews


def interrupted(label_studio: Exports, home: Path, after: int) -> None:
    """A reading of which only the first exports were answered."""
    label_studio.gone_from = after
    with pytest.raises(LabelStudioUnavailable):
        read(label_studio, home)
    label_studio.gone_from = label_studio.down = None


def figures(reviews: Reviews) -> tuple[object, ...]:
    return (
        boxes_of(reviews), reviews.began, reviews.tags, reviews.confusion, reviews.scores, reviews.total,
        reviews.by_version, reviews.by_day, reviews.unread, reviews.hasty, reviews.untold,
        [(one.edits, one.task.id) for one in reviews.worst()],
    )  # fmt: skip


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_resumed_reading_counts_the_same_and_reads_nothing_twice(
    label_studio: Exports, tmp_path: Path, after: int
) -> None:
    wanted = figures(counted(label_studio.api()))
    label_studio.exported.clear()
    interrupted(label_studio, tmp_path, after)
    had = [task for page in label_studio.exported[:after] for task in page]
    label_studio.exported.clear()

    found = read(label_studio, tmp_path)

    assert figures(found) == wanted
    again = {task for page in label_studio.exported for task in page}
    assert len(had) == PAGE * after
    assert again.isdisjoint(had)
    assert len(again) == len(label_studio.tasks) - len(had)


def test_what_was_changed_in_between_is_counted_as_it_is_now(
    label_studio: Exports, tmp_path: Path
) -> None:
    """An annotation that was saved again, one that was removed, a new one, and a task that is gone."""
    interrupted(label_studio, tmp_path, 3)
    changed, emptied, more, gone = sorted(label_studio.tasks)[:4]
    label_studio.exported.clear()
    one = label_studio.annotations[changed][0]
    one |= {"result": [], "updated_at": "2026-11-30T00:00:00Z"}
    label_studio.annotations[emptied] = []
    label_studio.annotations[more].append({**label_studio.annotations[more][0], "id": 10**6})
    del label_studio.tasks[gone]

    found = read(label_studio, tmp_path)

    assert figures(found) == figures(counted(label_studio.api()))
    assert [task for task in (changed, emptied, more, gone) if task in label_studio.exported[0]] == [changed, more]  # fmt: skip


def test_predictions_that_were_removed_in_between_are_as_they_are_now(
    label_studio: Exports, tmp_path: Path
) -> None:
    """Of annotations whose copy is of another version only the row tells what they began from."""
    for task in label_studio.annotations.values():
        for one in task:
            one["prediction"] = {}
    interrupted(label_studio, tmp_path, 3)
    label_studio.rows.clear()

    found = read(label_studio, tmp_path)

    assert figures(found) == figures(counted(label_studio.api()))
    assert not found.total.annotations


def test_a_task_that_failed_is_tried_again(label_studio: Exports, tmp_path: Path) -> None:
    first = min(label_studio.tasks)
    label_studio.unlistable = {first}
    interrupted(label_studio, tmp_path, 11)  # the first page takes ten, by halves
    assert any(first in page for page in label_studio.exported)
    label_studio.unlistable = set()

    found = read(label_studio, tmp_path)

    assert figures(found) == figures(counted(label_studio.api()))


def test_nothing_is_kept_once_the_report_is_made(label_studio: Exports, tmp_path: Path) -> None:
    read(label_studio, tmp_path)

    assert [one.suffix for one in (tmp_path / "review").iterdir()] == [".lock"]


def test_a_task_comes_back_from_the_ledger_as_it_was(tmp_path: Path) -> None:
    """With half an emoji in its data, and a row that cannot be read."""
    told = {"id": 7, "data": {"image": "\ud83d"}, "annotations": [{"id": 1}, "?"]}
    task = TaskRow.model_validate({**told, "predictions": [{"id": 2, "score": 0.5}]})

    class Tasks:
        def read(self, ids: list[int]) -> list[TaskRow]:
            return [task] if ids else []

    with ResumedReading(tmp_path, SOURCE) as reading:
        reading.note([task])
        (back,) = reading.read(Tasks(), lambda count: None)  # type: ignore[arg-type]

    assert back == task
    assert len(task.unread) == 1


def test_two_at_once_read_each_for_itself(label_studio: Exports, tmp_path: Path) -> None:
    """And the second says that it would begin anew."""
    tasks = ReviewedTasks(label_studio.api(), 4, sleep=lambda _: None)
    with ResumedReading(tmp_path, SOURCE), ResumedReading(tmp_path, SOURCE) as second:
        assert "another `firstpass review` is at work" in second.why_not
        reviews = Reviews()
        second.note(tasks.listed())
        count_reviews(second.read(tasks, lambda count: None), reviews, None)
        second.done()

    assert figures(reviews) == figures(counted(label_studio.api()))


def test_since_leaves_out_older_tasks_before_they_are_read(
    label_studio: Exports, tmp_path: Path
) -> None:
    """And counts exactly what is counted when all are read."""
    for number, task in enumerate(sorted(label_studio.tasks)):
        for one in label_studio.annotations[task]:
            one["created_at"] = f"2026-11-{1 + number % 28:02}T08:00:00Z"
            one["updated_at"] = one["created_at"]
    since = datetime(2026, 11, 25, 8, tzinfo=UTC)
    label_studio.exported.clear()

    found = read(label_studio, tmp_path, since=since)

    asked = sum(map(len, label_studio.exported))
    all_read = Reviews()
    count_reviews(everything(label_studio.api()), all_read, since)
    assert figures(found) == figures(all_read)
    assert found.total.annotations
    # A day more than is wanted is read, for Label Studio's own time zone.
    assert asked == sum(number % 28 >= 23 for number in range(len(label_studio.tasks)))


def everything(api: LabelStudioApi) -> list[TaskRow]:
    tasks = ReviewedTasks(api, 4, sleep=lambda _: None)
    ids = [task.id for task in tasks.listed()]
    return [task for n in range(0, len(ids), 100) for task in tasks.read(ids[n : n + 100])]
