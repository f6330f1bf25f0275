"""Puts together from the settings what several processes share, and the prediction service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import redis

from backend.delivery.card import read_card
from backend.delivery.claims import Claims
from backend.delivery.desk import DeliveryDesk
from backend.delivery.failed_tasks import FailedTasks
from backend.delivery.owed import OwedTasks
from backend.engine import engine_of
from backend.errors import SettingsError
from backend.interactive.phrase_notes import PhraseNotes
from backend.interactive.phrase_tally import PhraseTally
from backend.predictor import PredictorSettings
from backend.queue.clock import RedisClock
from backend.queue.connection import connect
from backend.queue.job_queue import JobQueue
from backend.queue.readiness import NotReady
from backend.queue.results import ResultListener
from backend.queue.submit import SubmitLimits, Submitter
from backend.service import PredictionService, WaitLimits
from backend.settings import Settings

__all__ = [
    "RunningQueue",
    "RunningService",
    "assemble_service",
    "job_queue",
    "predictor_settings",
    "redis_url_of",
]


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service, and what brackets its life: call `start` before it is used and `close` after."""

    service: PredictionService
    start: Callable[[], None]
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class RunningQueue:
    """A queue's client, and what brackets its life: call `start` before it is used and `close` after."""

    queue: JobQueue
    start: Callable[[], None]
    close: Callable[[], None]


def redis_url_of(settings: Settings) -> str:
    """The Redis URL in clear. Raises `SettingsError` when none is set."""
    if settings.redis_url is None:
        raise SettingsError(
            "expected FIRSTPASS_REDIS_URL (or REDIS_URL); `firstpass up` starts a Redis of its own"
        )
    return settings.redis_url.get_secret_value()


def predictor_settings(settings: Settings) -> PredictorSettings:
    """What decides predictions, from the settings. Raises `ModelUnavailable` for an unknown model."""
    return PredictorSettings(
        engine_of(settings), settings.score_threshold, settings.label_studio_url
    )


def job_queue(settings: Settings, connection: redis.Redis) -> RunningQueue:
    """A client of the workers; Redis is not asked yet."""
    listener = ResultListener(connection)
    submitter = Submitter(connection, SubmitLimits(settings.queue_limit, settings.job_timeout_s))
    queue = JobQueue(connection, submitter, listener)
    return RunningQueue(queue, start=listener.start, close=listener.close)


def assemble_service(
    settings: Settings, nobody: Callable[[], NotReady | None] = lambda: None
) -> RunningService:
    """The service; Redis is not asked yet. It delivers late if the settings hold a token to do so.

    `nobody` tells what all workers wait for (see `PredictionService`).

    Raises `SettingsError` without a Redis URL, `ModelUnavailable` for an unknown model.
    """
    connection = connect(redis_url_of(settings))
    running = job_queue(settings, connection)
    desk = None
    if settings.delivers:
        desk = DeliveryDesk(
            OwedTasks(connection),
            Claims(connection),
            FailedTasks(connection),
            lambda: read_card(connection) is not None,
        )
    phrases = PhraseNotes(PhraseTally(connection, clock=RedisClock(connection)))
    service = PredictionService(
        queue=running.queue,
        predictors=predictor_settings(settings),
        waits=WaitLimits(settings.few_tasks, settings.wait_s, settings.wait_many_s),
        desk=desk,
        phrases=phrases,
        nobody=nobody,
    )

    def close() -> None:
        running.close()
        phrases.close()
        if desk is not None:
            desk.close()

    return RunningService(service, start=running.start, close=close)
