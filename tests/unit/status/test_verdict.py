"""What an operator is told to look at."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from backend.queue.histograms import BUCKETS_S, Histogram
from backend.queue.keys import BULK_QUEUE, INTERACTIVE_QUEUE
from backend.queue.worker_card import WorkerCard
from backend.status.overview import Overview, ProjectView, QueueView
from backend.status.plain import overview_json
from backend.status.verdict import headline, notes, problems
from backend.web.status_page import status_page
from tests.unit.web.overviews import AT, REDIS, courier, overview, worker

MIB = 1024 * 1024


def test_an_installation_at_work_has_no_problem() -> None:
    """Failed images and bulk work that waits for long are no reason to wake anybody."""
    assert problems(overview()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"workers": ()}, "No worker is alive; 50 images wait"),
        ({"workers": (worker(seen_at=AT - 20),)}, "gpu-box:17 has been silent for 20 s"),
        (
            {"queues": (QueueView(INTERACTIVE_QUEUE, 1, 31.0, 0, 0),)},
            "An opened image has waited for 31 s",
        ),
        ({"redis": replace(REDIS, aof_ok=False)}, "could not write its append-only file"),
        (
            {"redis": replace(REDIS, max_bytes=100 * MIB, eviction="allkeys-lru")},
            "may throw queued images away",
        ),
        (
            {"redis": replace(REDIS, max_bytes=100 * MIB, used_bytes=91 * MIB)},
            "uses 91 MB of its 100 MB",
        ),
        ({"owed_tasks": 2000}, "No courier is alive; 2,000 tasks wait to be written"),
        (
            {"courier": courier(waiting="POST import: 403; make a new token")},
            "delivers nothing at present: POST import: 403; make a new token",
        ),
    ],
)
def test_what_needs_a_look_is_said(changes: dict[str, Any], said: str) -> None:
    """In one sentence each, and in no other case."""
    told = overview(**changes)

    assert len(problems(told)) == 1
    assert said in problems(told)[0]
    assert overview_json(told)["ok"] is False


SILENT = worker(seen_at=AT - 20, rate_1m=2.0)


@pytest.mark.parametrize(
    ("workers", "leased", "said", "left"),
    [
        ((SILENT,), 0, "no other is alive, so 50 images wait. See whether", None),
        ((SILENT,), 8, "so 50 images wait, 8 images more it had begun with. See", None),
        ((SILENT, SILENT), 0, "no other is alive", None),
        ((SILENT, worker(rate_1m=5.0)), 8, "its images go to another", 10.0),
    ],
)
def test_nothing_is_promised_in_the_name_of_silent_workers(
    workers: tuple[WorkerCard, ...], leased: int, said: str, left: float | None
) -> None:
    """Their images go to another where there is one; what they last said of their pace is over."""
    queues = (
        QueueView(INTERACTIVE_QUEUE, 0, None, 0, 0),
        QueueView(BULK_QUEUE, 50, 5.0, leased, 0),
    )
    told = overview(workers=workers, queues=queues)

    assert len(problems(told)) == sum(card is SILENT for card in workers)
    assert all(said in problem for problem in problems(told))
    assert overview_json(told)["seconds_left"] == left
    page = status_page(told)
    assert ("about" in page and "left" in page) == (left is not None)
    if left is None:
        assert "go to another" not in page
        assert told.images_per_s == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"courier": None, "owed_tasks": 0},
        {"courier": courier(), "owed_tasks": 0},
        {"courier": courier(), "owed_tasks": 2000},
    ],
)
def test_no_courier_is_missed_where_nothing_is_owed(changes: dict[str, Any]) -> None:
    """Many work without one; and with one that delivers, owed tasks are its daily work."""
    assert problems(overview(**changes)) == []


def test_the_json_tells_of_late_delivery() -> None:
    """Whether a courier is alive, what it did, and what is owed."""
    manned = overview_json(overview(courier=courier(), owed_tasks=12))["delivery"]
    unmanned = overview_json(overview())["delivery"]

    assert (manned["owed_tasks"], manned["courier"]["stored"]) == (12, 1500)
    assert (manned["courier"]["silent_s"], manned["courier"]["waiting"]) == (2.0, None)
    assert unmanned == {"owed_tasks": 0, "courier": None, "waiting_couriers": []}


def test_a_queue_that_may_be_lost_is_a_note() -> None:
    """A Redis without an append-only file works; somebody should know."""
    assert any("appendonly" in note for note in notes(overview(redis=replace(REDIS, aof=False))))


def test_the_json_is_json() -> None:
    """Also where a measurement was longer than the last bucket: no infinity is written."""
    endless = Histogram("queue", (*[0] * len(BUCKETS_S), 1), 5000.0)
    told = overview(histograms=(endless,), queues=(QueueView(BULK_QUEUE, 0, None, 0, 0),))

    text = json.dumps(overview_json(told), allow_nan=False)

    assert json.loads(text)["stages"]["queue"]["half_within_s"] is None


def test_without_redis_the_reason_is_the_only_problem() -> None:
    """Nothing is said of workers that nobody can know of."""
    assert problems(Overview.without_redis("Redis does not answer")) == ["Redis does not answer"]


@pytest.mark.parametrize(
    ("changes", "said", "tone"),
    [
        ({"failed_images": 0}, "All is well", "good"),
        ({"failed_images": 2}, "At work, but 2 images failed", "busy"),
        (
            {"failed_images": 0, "projects": (ProjectView("4.1", failed=1),)},
            "At work, but 1 task failed",
            "busy",
        ),
        ({"failed_images": 2, "workers": ()}, "This needs a look", "bad"),
    ],
)
def test_the_headline_is_the_worst_there_is(changes: dict[str, Any], said: str, tone: str) -> None:
    """Nothing that failed stands below words that all is well."""
    told = overview(**changes)

    assert (headline(told).text, headline(told).tone) == (said, tone)
    assert overview_json(told)["headline"] == said
    page = status_page(told)
    assert f"{said}</h2>" in page
    assert ("All is well" in page) is (tone == "good")
