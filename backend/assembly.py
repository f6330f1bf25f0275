"""Puts the prediction service over a real queue together from the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backend.engine import engine_for
from backend.errors import SettingsError
from backend.predictor import PredictorSettings
from backend.queue.connection import connect
from backend.queue.job_queue import JobQueue
from backend.queue.results import ResultListener
from backend.queue.submit import SubmitLimits, Submitter
from backend.service import PredictionService, WaitLimits
from backend.settings import Settings

__all__ = ["RunningService", "assemble_service", "predictor_settings", "redis_url_of"]


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service, and what brackets its life: call `start` before it is used and `close` after."""

    service: PredictionService
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
        engine_for(settings.model), settings.score_threshold, settings.label_studio_url
    )


def assemble_service(settings: Settings) -> RunningService:
    """The service; Redis is not asked yet.

    Raises `SettingsError` without a Redis URL, `ModelUnavailable` for an unknown model.
    """
    connection = connect(redis_url_of(settings))
    listener = ResultListener(connection)
    submitter = Submitter(connection, SubmitLimits(settings.queue_limit, settings.job_timeout_s))
    service = PredictionService(
        queue=JobQueue(connection, submitter, listener),
        predictors=predictor_settings(settings),
        waits=WaitLimits(settings.few_tasks, settings.wait_s, settings.wait_many_s),
    )
    return RunningService(service, start=listener.start, close=listener.close)
