"""What an operator asks: health, status as a page and as JSON, and metrics.

`/health` and `/ready` are answered on the event loop from the monitor's last look; the others read Redis in a thread
of a small pool of their own, so that neither they nor a Redis that hangs can delay anything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import anyio
from anyio import to_thread
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from backend import __version__
from backend.queue.readiness import NotReady
from backend.status.overview import Overview
from backend.status.plain import overview_json
from backend.web.auth import READY_PATH
from backend.web.metrics import Metrics
from backend.web.monitor import QueueMonitor
from backend.web.status_page import CONTENT_SECURITY_POLICY, status_page

__all__ = ["add_operator_routes"]

T = TypeVar("T")

#: Overviews read from Redis at the same time; more wait for their turn.
STATUS_THREADS = 4

ENDS = NotReady("this web process ends", "ask another, or again in a moment")

PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}


def add_operator_routes(app: FastAPI, monitor: QueueMonitor, metrics: Metrics) -> None:
    """Add them to the application; `app.state.status_limiter` is made when it starts."""

    async def look(then: Callable[[Overview], T]) -> T:
        limiter: anyio.CapacityLimiter = app.state.status_limiter
        return await to_thread.run_sync(lambda: then(monitor.overview()), limiter=limiter)

    @app.get("/health")
    @app.get("/")
    async def health() -> dict[str, Any]:
        """Up as long as this process answers; says what it lacks to predict."""
        state = monitor.state
        return {
            "status": "UP",
            "version": __version__,
            "redis": "UP" if state.redis_up else "DOWN",
            "workers": state.workers,
            "queued": state.depths,
        }

    @app.get(READY_PATH)
    async def ready() -> Response:
        """200 when an image asked for now would be predicted, else 503 and why. Open to everybody.

        What is told is the same for all, and names no host, address or file.
        """
        unready = ENDS if app.state.ending.begun else monitor.unready
        told: dict[str, Any] = {"ready": unready is None, "workers": monitor.state.workers}
        if unready is not None:
            told |= {"workers": 0, "reason": unready.reason, "remedy": unready.remedy}
        headers = {"Cache-Control": "no-store"}
        return JSONResponse(told, status_code=200 if unready is None else 503, headers=headers)

    @app.get("/status")
    async def status(request: Request) -> Response:
        """A page for people; the same as JSON for who accepts that and not HTML."""
        if _wants_json(request.headers.get("Accept", "")):
            return await status_json()
        return HTMLResponse(await look(status_page), headers=PAGE_HEADERS)

    @app.get("/status.json")
    async def status_json() -> Response:
        """All figures of the page. 200 also when something is wrong: `ok` and `problems` tell."""
        headers = {"Cache-Control": "no-store", "Vary": "Accept"}
        return JSONResponse(await look(overview_json), headers=headers)

    @app.get("/metrics")
    async def prometheus() -> Response:
        """Prometheus's exposition format."""
        return Response(await look(metrics.text), media_type=CONTENT_TYPE_LATEST)


def _wants_json(accept: str) -> bool:
    return "application/json" in accept and "text/html" not in accept
