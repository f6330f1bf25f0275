"""Puts the prediction service together from the settings."""

from __future__ import annotations

from collections.abc import Callable

from backend.delivery.card import read_card
from backend.delivery.claims import Claims
from backend.delivery.desk import DeliveryDesk
from backend.delivery.failed_tasks import FailedTasks
from backend.delivery.owed import OwedTasks
from backend.delivery.project_figures import ProjectFigures
from backend.prediction.predictor import predictor_settings
from backend.queue.clock import RedisClock
from backend.queue.connection import connect, redis_url_of
from backend.queue.heads import HeadShelf
from backend.queue.job_queue import job_queue
from backend.queue.readiness import NotReady
from backend.review.phrase_notes import PhraseNotes
from backend.review.phrase_tally import PhraseTally
from backend.service import PredictionService, RunningService, WaitLimits
from backend.settings import Settings

__all__ = ["assemble_service"]


def assemble_service(
    settings: Settings, nobody: Callable[[], NotReady | None] = lambda: None
) -> RunningService:
    """The service; Redis is not asked yet. It delivers late if the settings hold a token to do so.

    `nobody` tells why nobody predicts (see `PredictionService`).

    Raises `SettingsError` without a Redis URL, `ModelUnavailable` for an unknown model.
    """
    connection = connect(redis_url_of(settings), runs_in=settings.runs_in)
    running = job_queue(settings, connection)
    desk = None
    if settings.delivers:
        figures = ProjectFigures(connection)
        desk = DeliveryDesk(
            OwedTasks(connection),
            Claims(connection),
            FailedTasks(connection),
            lambda: read_card(connection) is not None,
            stored=figures.stored,
            named=figures.named,
            learned=figures.learned,
            sleep=running.pause,
        )
    phrases = PhraseNotes(PhraseTally(connection, clock=RedisClock(connection)))
    service = PredictionService(
        queue=running.queue,
        predictors=predictor_settings(settings, HeadShelf(connection, settings.home).card),
        waits=WaitLimits(settings.few_tasks, settings.wait_s, settings.wait_many_s),
        desk=desk,
        phrases=phrases,
        listeners=(phrases.heard,) if desk is None else (desk.heard, phrases.heard),
        orderly=running.orderly,
        nobody=nobody,
    )

    def close() -> None:
        running.close()
        phrases.close()
        if desk is not None:
            desk.close()

    return RunningService(service, start=running.start, close=close, release=running.release)
