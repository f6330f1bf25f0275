"""Puts the web process together from its settings, and runs it."""

from __future__ import annotations

from functools import partial

import uvicorn

from backend.logs import configure_logs
from backend.processes.assembly import assemble_service
from backend.projects.chosen_tab import make_chosen_tab
from backend.queue.connection import connect, redis_url_of
from backend.queue.heads import HeadShelf
from backend.settings import Settings
from backend.status.installation import InstallationSign
from backend.web.app import create_app
from backend.web.ending import EndingServer
from backend.web.monitor import QueueMonitor

__all__ = ["serve"]


def serve(settings: Settings) -> None:
    """Serve until a signal ends it."""
    configure_logs(settings.log_level, settings.log_format)
    # A client of its own without retries: the monitor's look must be quick to say "down".
    connection = connect(redis_url_of(settings), retries=0, runs_in=settings.runs_in)
    monitor = QueueMonitor(
        connection,
        runs_in=settings.runs_in,
        sign=InstallationSign(connection, settings),
        heads=HeadShelf(connection, settings.home),
    )
    running = assemble_service(settings, lambda: monitor.unready)
    make_tab = partial(make_chosen_tab, settings) if settings.delivers else None
    app = create_app(settings, running, monitor, make_tab)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
    )
    EndingServer(config, app.state.ending).run()
