"""An overview as plain JSON, for programs: the same figures as the page. Pure."""

from __future__ import annotations

from dataclasses import asdict
from math import isinf
from typing import Any

from backend import __version__
from backend.queue.histograms import Histogram
from backend.queue.worker_card import WorkerCard
from backend.status.overview import Overview, ProjectView
from backend.status.verdict import headline, notes, problems
from backend.status.wording import worker_name

__all__ = ["overview_json"]


def overview_json(overview: Overview) -> dict[str, Any]:
    """The overview as plain JSON: the same figures as the page, with what is wrong in words."""
    wrong = problems(overview)
    seconds_left = overview.seconds_left
    return {
        "version": __version__,
        "ok": not wrong,
        "headline": headline(overview).text,
        "problems": wrong,
        "notes": notes(overview),
        "at": round(overview.at, 3),
        "redis": asdict(overview.redis),
        "queues": [asdict(queue) for queue in overview.queues],
        "seconds_left": None if seconds_left is None else round(seconds_left, 1),
        "workers": [_worker_json(card, overview.at) for card in overview.workers],
        "projects": [_project_json(project) for project in overview.projects],
        "delivery": _delivery_json(overview),
        "submissions": {
            **asdict(overview.submissions),
            "hit_rate": overview.submissions.hit_rate,
        },
        "stages": {histogram.stage: _stage_json(histogram) for histogram in overview.histograms},
        "failures": {
            "images": overview.failed_images,
            "by_kind_ever": dict(overview.failure_kinds),
            "latest": [
                {**asdict(record), "address": overview.address_of(record) or None}
                for record in overview.failures
            ],
        },
    }


def _delivery_json(overview: Overview) -> dict[str, Any]:
    courier = overview.courier
    return {
        "owed_tasks": overview.owed_tasks,
        "waiting_couriers": [worker_name(card) for card in overview.waiting_couriers],
        "courier": courier
        and {**asdict(courier), "silent_s": round(courier.silent_s(overview.at), 1)},
    }


def _project_json(project: ProjectView) -> dict[str, Any]:
    runs = [{**asdict(run), "seconds_left": run.seconds_left} for run in project.runs]
    return {**asdict(project), "id": project.id, "runs": runs}


def _worker_json(card: WorkerCard, now: float) -> dict[str, Any]:
    return {**asdict(card), "silent_s": round(card.silent_s(now), 1), "late": card.is_late(now)}


def _stage_json(histogram: Histogram) -> dict[str, Any]:
    return {
        "count": histogram.count,
        "mean_s": histogram.mean_s,
        "half_within_s": _finite(histogram.within_s(0.5)),
        "most_within_s": _finite(histogram.within_s(0.95)),
    }


def _finite(seconds: float | None) -> float | None:
    """JSON has no infinity: what took longer than the last bucket has no bound."""
    return None if seconds is None or isinf(seconds) else seconds
