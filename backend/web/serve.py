"""Puts the web process together from its settings, and runs it."""

from __future__ import annotations

import uvicorn

from backend.assembly import assemble_service, redis_url_of
from backend.logs import configure_logs
from backend.queue.connection import connect
from backend.settings import Settings
from backend.web.app import create_app
from backend.web.monitor import QueueMonitor

__all__ = ["serve"]

#: Requests that wait for a batch may finish before a stopping process ends.
GRACEFUL_S = 25


def serve(settings: Settings) -> None:
    """Serve until a signal ends it."""
    configure_logs(settings.log_level)
    # A client of its own without retries: the monitor's look must be quick to say "down".
    monitor = QueueMonitor(connect(redis_url_of(settings), retries=0))
    running = assemble_service(settings, lambda: monitor.waits)
    uvicorn.run(
        create_app(settings, running, monitor),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACEFUL_S,
        server_header=False,
    )
