"""Puts the web process together from its settings, and runs it."""

from __future__ import annotations

import uvicorn

from backend.engine import engine_for
from backend.errors import SettingsError
from backend.logs import configure_logs
from backend.queue.connection import connect
from backend.queue.job_queue import JobQueue
from backend.queue.results import ResultListener
from backend.queue.submit import SubmitLimits, Submitter
from backend.service import PredictionService, WaitLimits
from backend.settings import Settings
from backend.web.app import Parts, create_app
from backend.web.monitor import QueueMonitor

__all__ = ["assemble", "serve"]

#: Requests that wait for a batch may finish before a stopping process ends.
GRACEFUL_S = 25


def assemble(settings: Settings) -> Parts:
    """The service over a real queue. Raises `SettingsError` without a Redis URL."""
    if settings.redis_url is None:
        raise SettingsError(
            "expected FIRSTPASS_REDIS_URL (or REDIS_URL); `firstpass up` starts a Redis of its own"
        )
    url = settings.redis_url.get_secret_value()
    connection = connect(url)
    listener = ResultListener(connection)
    submitter = Submitter(connection, SubmitLimits(settings.queue_limit, settings.job_timeout_s))
    service = PredictionService(
        queue=JobQueue(connection, submitter, listener),
        engine=engine_for(settings.model),
        score_threshold=settings.score_threshold,
        waits=WaitLimits(settings.few_tasks, settings.wait_s, settings.wait_many_s),
        label_studio_url=settings.label_studio_url,
    )
    # A client of its own without retries: the monitor's look must be quick to say "down".
    monitor = QueueMonitor(connect(url, retries=0))
    return Parts(service, monitor, start=listener.start, close=listener.close)


def serve(settings: Settings) -> None:
    """Serve until a signal ends it."""
    configure_logs(settings.log_level)
    uvicorn.run(
        create_app(settings, assemble(settings)),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACEFUL_S,
        server_header=False,
    )
